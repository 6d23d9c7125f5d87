import { readExifComment } from './exif-comment.ts';
import { readPngText } from './png-text.ts';

/** More than any camera or tool writes before the picture itself; bounds the work for files that are no pictures. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * The text in which AUTOMATIC1111 and its kin keep a picture's settings: a PNG's text chunk `parameters`, or the user
 * comment in the Exif data of a JPEG or WebP. The file is read here and sent nowhere.
 * @returns `undefined` where there is none, or the file is no such picture.
 */
export async function readPictureText(file: Blob): Promise<string | undefined> {
  const data = new DataView(await file.slice(0, MAX_BYTES).arrayBuffer());
  try {
    if (hasBytes(data, 0, '\x89PNG\r\n\x1a\n')) return await readPngText(data, 'parameters');
    if (hasBytes(data, 0, '\xff\xd8')) return readJpeg(data);
    if (hasBytes(data, 0, 'RIFF') && hasBytes(data, 8, 'WEBP')) return readWebp(data);
  } catch (error) {
    // A file that is cut short or lies about its lengths has nothing to say.
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

function readJpeg(data: DataView): string | undefined {
  for (let at = 2; at + 4 <= data.byteLength && data.getUint8(at) === 0xff; at += 2 + data.getUint16(at + 2)) {
    const marker = data.getUint8(at + 1);
    // The picture itself begins: no metadata after it.
    if (marker === 0xda) return undefined;
    if (marker !== 0xe1 || !hasBytes(data, at + 4, 'Exif\0\0')) continue;
    const comment = readExifComment(part(data, at + 10, data.getUint16(at + 2) - 8));
    if (comment !== undefined) return comment;
  }
  return undefined;
}

function readWebp(data: DataView): string | undefined {
  for (let at = 12; at + 8 <= data.byteLength; ) {
    const length = data.getUint32(at + 4, true);
    if (hasBytes(data, at, 'EXIF')) {
      const prefix = hasBytes(data, at + 8, 'Exif\0\0') ? 6 : 0;
      return readExifComment(part(data, at + 8 + prefix, length - prefix));
    }
    at += 8 + length + (length % 2);
  }
  return undefined;
}

/** @throws RangeError where the file ends before the part does. */
const part = (data: DataView, at: number, length: number): DataView =>
  new DataView(data.buffer, data.byteOffset + at, length);

function hasBytes(data: DataView, at: number, text: string): boolean {
  if (at + text.length > data.byteLength) return false;
  return [...text].every((character, i) => data.getUint8(at + i) === character.charCodeAt(0));
}
