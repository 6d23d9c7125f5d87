/** A compressed text may be small and yet fill the memory. */
const MAX_TEXT_BYTES = 1024 * 1024;

/**
 * The text under a keyword in a PNG: `tEXt` (Latin-1), `zTXt` (the same, compressed) or `iTXt` (UTF-8, maybe compressed).
 * @see https://www.w3.org/TR/png-3/#11textinfo
 * @throws RangeError where the file ends too soon.
 */
export async function readPngText(data: DataView<ArrayBuffer>, keyword: string): Promise<string | undefined> {
  for (let at = 8; at + 12 <= data.byteLength; ) {
    const length = data.getUint32(at);
    const type = latin1(new Uint8Array(data.buffer, data.byteOffset + at + 4, 4));
    if (type === 'IEND') return undefined;
    if (type.endsWith('TXt') || type === 'tEXt') {
      const text = await readChunk(type, new Uint8Array(data.buffer, data.byteOffset + at + 8, length), keyword);
      if (text !== undefined) return text;
    }
    at += 12 + length;
  }
  return undefined;
}

async function readChunk(type: string, body: Uint8Array<ArrayBuffer>, keyword: string): Promise<string | undefined> {
  const end = body.indexOf(0);
  if (end < 0 || latin1(body.subarray(0, end)) !== keyword) return undefined;
  const rest = body.subarray(end + 1);
  switch (type) {
    case 'tEXt':
      return latin1(rest);
    case 'zTXt':
      return decode(rest.subarray(1), 'latin1');
    case 'iTXt': {
      const isCompressed = rest[0] === 1;
      // Two texts that end with a zero stand before the text: the language, and the keyword in it.
      const languageEnd = rest.indexOf(0, 2);
      const text = rest.subarray(rest.indexOf(0, languageEnd + 1) + 1);
      return isCompressed ? decode(text, 'utf-8') : new TextDecoder().decode(text);
    }
    default:
      return undefined;
  }
}

async function decode(compressed: Uint8Array<ArrayBuffer>, encoding: 'latin1' | 'utf-8'): Promise<string | undefined> {
  const bytes = await inflate(compressed);
  if (bytes === undefined) return undefined;
  return encoding === 'latin1' ? latin1(bytes) : new TextDecoder().decode(bytes);
}

/** @returns `undefined` for data that is damaged or too long. */
async function inflate(compressed: Uint8Array<ArrayBuffer>): Promise<Uint8Array | undefined> {
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream('deflate'));
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let total = 0;
  try {
    for await (const part of stream) {
      total += part.byteLength;
      if (total > MAX_TEXT_BYTES) return undefined;
      parts.push(part);
    }
  } catch {
    return undefined;
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Byte for byte; the browser's own decoder takes `latin1` for Windows-1252. */
const latin1 = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
};
