/** Tags of Exif (JEITA CP-3451). */
const EXIF_POINTER = 0x8769;
const USER_COMMENT = 0x9286;
const ENTRY_BYTES = 12;
const CHARACTER_CODE_BYTES = 8;

/**
 * The user comment in a block of Exif data, which begins with its TIFF header.
 * @throws RangeError where the block ends too soon.
 */
export function readExifComment(exif: DataView): string | undefined {
  const isLittleEndian = exif.getUint16(0) === 0x4949;
  const exifEntry = findEntry(exif, exif.getUint32(4, isLittleEndian), EXIF_POINTER, isLittleEndian);
  if (exifEntry === undefined) return undefined;
  const directory = exif.getUint32(exifEntry + 8, isLittleEndian);
  const comment = findEntry(exif, directory, USER_COMMENT, isLittleEndian);
  if (comment === undefined) return undefined;
  const length = exif.getUint32(comment + 4, isLittleEndian);
  const at = exif.getUint32(comment + 8, isLittleEndian);
  return decodeComment(new Uint8Array(exif.buffer, exif.byteOffset + at, length), isLittleEndian);
}

/** Where the entry with a tag begins. */
function findEntry(exif: DataView, directory: number, tag: number, isLittleEndian: boolean): number | undefined {
  const count = exif.getUint16(directory, isLittleEndian);
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + i * ENTRY_BYTES;
    if (exif.getUint16(entry, isLittleEndian) === tag) return entry;
  }
  return undefined;
}

/** The comment says its own character code. UTF-16 comes in either order, whatever the block's: zeros give it away. */
function decodeComment(bytes: Uint8Array, isLittleEndian: boolean): string {
  const code = new TextDecoder().decode(bytes.subarray(0, CHARACTER_CODE_BYTES));
  const text = bytes.subarray(CHARACTER_CODE_BYTES);
  if (!code.startsWith('UNICODE')) return new TextDecoder().decode(text);
  const zeros = (from: number) => text.filter((byte, i) => i % 2 === from && byte === 0).length;
  const isLittle = zeros(0) === zeros(1) ? isLittleEndian : zeros(1) > zeros(0);
  return new TextDecoder(isLittle ? 'utf-16le' : 'utf-16be').decode(text);
}
