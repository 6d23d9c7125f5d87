/** Tags and types of TIFF and Exif (JEITA CP-3451). */
const EXIF_POINTER = 0x8769;
const USER_COMMENT = 0x9286;
const LONG = 4;
const UNDEFINED = 7;

/**
 * An Exif block that holds a text as its user comment, in UTF-16 as the readers of AUTOMATIC1111's files expect. sharp
 * can write the tag too, but only in ASCII: it would lose every other letter of a prompt.
 */
export function createExif(userComment: string): Uint8Array {
  const text = Buffer.from(userComment, 'utf16le').swap16();
  const comment = Buffer.concat([Buffer.from('UNICODE\0', 'latin1'), text]);
  const header = Buffer.from([0x4d, 0x4d, 0, 42, 0, 0, 0, 8]); // big-endian; the first directory is at byte 8
  const exifOffset = header.length + directoryBytes;
  const commentOffset = exifOffset + directoryBytes;
  return Buffer.concat([
    header,
    directory(EXIF_POINTER, LONG, 1, exifOffset),
    directory(USER_COMMENT, UNDEFINED, comment.length, commentOffset),
    comment,
  ]);
}

const directoryBytes = 2 + 12 + 4;

/** A directory with a single entry and no successor. */
function directory(tag: number, type: number, count: number, value: number): Buffer {
  const bytes = Buffer.alloc(directoryBytes);
  bytes.writeUInt16BE(1, 0);
  bytes.writeUInt16BE(tag, 2);
  bytes.writeUInt16BE(type, 4);
  bytes.writeUInt32BE(count, 6);
  bytes.writeUInt32BE(value, 10);
  return bytes;
}

/** Puts an Exif block in place of the one in a JPEG's APP1 segment. */
export function replaceJpegExif(jpeg: Uint8Array, exif: Uint8Array): Uint8Array {
  const file = Buffer.from(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength);
  for (let at = 2; at < file.length; at += 2 + file.readUInt16BE(at + 2)) {
    // XMP lies in a segment of the same number.
    const isExif = file.readUInt16BE(at) === 0xffe1 && file.toString('latin1', at + 4, at + 10) === 'Exif\0\0';
    if (!isExif) continue;
    const end = at + 2 + file.readUInt16BE(at + 2);
    const payload = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), exif]);
    const head = Buffer.from([0xff, 0xe1, (payload.length + 2) >> 8, (payload.length + 2) & 0xff]);
    return Buffer.concat([file.subarray(0, at), head, payload, file.subarray(end)]);
  }
  throw new Error('The JPEG has no Exif segment');
}

/** Puts an Exif block in place of the one in a WebP's `EXIF` chunk. */
export function replaceWebpExif(webp: Uint8Array, exif: Uint8Array): Uint8Array {
  const file = Buffer.from(webp.buffer, webp.byteOffset, webp.byteLength);
  for (let at = 12; at < file.length; ) {
    const length = file.readUInt32LE(at + 4);
    const end = at + 8 + length + (length % 2);
    if (file.toString('latin1', at, at + 4) === 'EXIF') {
      const size = Buffer.alloc(4);
      size.writeUInt32LE(exif.length);
      const padding = Buffer.alloc(exif.length % 2);
      const result = Buffer.concat([file.subarray(0, at + 4), size, exif, padding, file.subarray(end)]);
      result.writeUInt32LE(result.length - 8, 4);
      return result;
    }
    at = end;
  }
  throw new Error('The WebP has no EXIF chunk');
}
