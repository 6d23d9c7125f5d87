import { crc32 } from 'node:zlib';

/** Signature, and the IHDR chunk, which must come first. */
const HEADER_BYTES = 8 + 25;

/**
 * Puts a text into a PNG, right behind its header: `tEXt` where Latin-1 can hold it, `iTXt` (UTF-8) otherwise, as
 * Pillow and so AUTOMATIC1111 do.
 * @see https://www.w3.org/TR/png-3/#11textinfo
 */
export function insertPngText(png: Uint8Array, keyword: string, text: string): Uint8Array {
  const isLatin1 = [...text].every((character) => (character.codePointAt(0) ?? 0) < 0x100);
  const body = isLatin1
    ? Buffer.concat([Buffer.from(`${keyword}\0`, 'latin1'), Buffer.from(text, 'latin1')])
    : Buffer.concat([Buffer.from(`${keyword}\0\0\0\0\0`, 'latin1'), Buffer.from(text, 'utf8')]);
  const chunk = createChunk(isLatin1 ? 'tEXt' : 'iTXt', body);
  return Buffer.concat([png.subarray(0, HEADER_BYTES), chunk, png.subarray(HEADER_BYTES)]);
}

function createChunk(type: string, body: Uint8Array): Uint8Array {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.byteLength);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, checksum]);
}
