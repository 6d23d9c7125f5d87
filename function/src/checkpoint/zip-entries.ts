import { type ByteSource, readBytes } from './byte-source.ts';
import { corruptFile, printable } from './corrupt-file.ts';

/** A file stored in a zip, found and checked: its bytes lie there as they are. */
export interface ZipEntry {
  readonly name: string;
  /** Position of its first byte in the zip. */
  readonly start: number;
  readonly size: number;
}

interface ListedEntry {
  readonly name: string;
  readonly header: number;
  readonly size: number;
}

const LOCAL_HEADER = { signature: 0x04034b50, length: 30 };
const DIRECTORY_ENTRY = { signature: 0x02014b50, length: 46 };
const END = { signature: 0x06054b50, length: 22 };
const END_64 = { signature: 0x06064b50, length: 56 };
const END_64_LOCATOR = { signature: 0x07064b50, length: 20 };
const ZIP_64_FIELD = 1;
const ENCRYPTED = 1;
const MAX_COMMENT_BYTES = 0xffff;
/** A full checkpoint, optimizer and all, has some 5,000 entries of 100 bytes. */
const MAX_DIRECTORY_BYTES = 1 << 23;
const MAX_ENTRIES = 50_000;

/**
 * Lists the entries of a zip (PKWARE APPNOTE 6.3, zip64 included) that holds its files uncompressed, as PyTorch writes
 * it: entries can then be read in place, and there is nothing a zip bomb could unpack. Entries must not overlap, and
 * must not be named to be put somewhere else.
 * @throws FunctionError `model_corrupt` naming the file and the entry.
 */
export async function readZipEntries(zip: ByteSource): Promise<Map<string, ZipEntry>> {
  const directory = await findDirectory(zip);
  if (directory.size > MAX_DIRECTORY_BYTES || directory.count > MAX_ENTRIES) {
    throw corruptFile(zip.name, 'its zip directory is absurdly long');
  }
  if (directory.start + directory.size !== directory.end) {
    throw corruptFile(zip.name, 'its zip directory does not end where the zip says');
  }
  const listed = parseDirectory(await readBytes(zip, directory.start, directory.size), zip.name);
  if (listed.length !== directory.count) throw corruptFile(zip.name, 'its zip directory is not whole');
  listed.sort((a, b) => a.header - b.header);

  const entries = new Map<string, ZipEntry>();
  for (const [i, entry] of listed.entries()) {
    const limit = listed[i + 1]?.header ?? directory.start;
    if (entries.has(entry.name)) throw corruptFile(zip.name, `it has two entries named ${printable(entry.name)}`);
    entries.set(entry.name, await locate(zip, entry, limit));
  }
  return entries;
}

/** The directory: where it starts, what it holds, and where it must end. */
async function findDirectory(zip: ByteSource): Promise<{ start: number; size: number; count: number; end: number }> {
  const tailLength = Math.min(zip.size, END.length + MAX_COMMENT_BYTES);
  const tailStart = zip.size - tailLength;
  const tail = view(await readBytes(zip, tailStart, tailLength));
  for (let at = tailLength - END.length; at >= 0; at -= 1) {
    if (tail.getUint32(at, true) !== END.signature) continue;
    if (at + END.length + tail.getUint16(at + 20, true) !== tailLength) continue;
    const end = tailStart + at;
    const end64 = await findEnd64(zip, end);
    if (end64 !== undefined) return end64;
    const count = tail.getUint16(at + 10, true);
    return { start: tail.getUint32(at + 16, true), size: tail.getUint32(at + 12, true), count, end };
  }
  throw corruptFile(zip.name, 'it has no zip directory at its end: it was cut short');
}

async function findEnd64(zip: ByteSource, end: number) {
  const at = end - END_64_LOCATOR.length;
  if (at < 0) return undefined;
  const locator = view(await readBytes(zip, at, END_64_LOCATOR.length));
  if (locator.getUint32(0, true) !== END_64_LOCATOR.signature) return undefined;
  const position = uint64(locator, 8);
  const record = view(await readBytes(zip, position, END_64.length));
  if (record.getUint32(0, true) !== END_64.signature || position + 12 + uint64(record, 4) !== at) {
    throw corruptFile(zip.name, 'its zip64 directory is damaged');
  }
  return { start: uint64(record, 48), size: uint64(record, 40), count: uint64(record, 32), end: position };
}

function parseDirectory(bytes: Uint8Array<ArrayBuffer>, fileName: string): ListedEntry[] {
  const entries: ListedEntry[] = [];
  const directory = view(bytes);
  let at = 0;
  while (at < bytes.length) {
    if (at + DIRECTORY_ENTRY.length > bytes.length || directory.getUint32(at, true) !== DIRECTORY_ENTRY.signature) {
      throw corruptFile(fileName, 'its zip directory is damaged');
    }
    const nameEnd = at + DIRECTORY_ENTRY.length + directory.getUint16(at + 28, true);
    const extraEnd = nameEnd + directory.getUint16(at + 30, true);
    const end = extraEnd + directory.getUint16(at + 32, true);
    if (end > bytes.length) throw corruptFile(fileName, 'its zip directory is damaged');
    const name = checkName(bytes.subarray(at + DIRECTORY_ENTRY.length, nameEnd), fileName);
    const extra = view(bytes.subarray(nameEnd, extraEnd));
    entries.push(parseEntry(view(bytes.subarray(at, nameEnd)), name, extra, fileName));
    at = end;
  }
  return entries;
}

function parseEntry(entry: DataView, name: string, extra: DataView, fileName: string): ListedEntry {
  const fail = (problem: string) => corruptFile(fileName, `its entry ${printable(name)} ${problem}`);
  if (entry.getUint16(8, true) & ENCRYPTED) throw fail('is encrypted');
  if (entry.getUint16(10, true) !== 0) throw fail('is compressed, which no checkpoint is: it may be a zip bomb');
  // Fields that do not fit in 32 bits follow in the zip64 field, in this order.
  const wide = wideValues(extra);
  const value = (offset: number) => {
    const narrow = entry.getUint32(offset, true);
    return narrow === 0xffffffff ? (wide.shift() ?? Number.NaN) : narrow;
  };
  const size = value(24);
  const storedSize = value(20);
  const header = value(42);
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(header)) throw fail('is damaged');
  if (size !== storedSize) throw fail('has two sizes');
  return { name, header, size };
}

function wideValues(extra: DataView): number[] {
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const length = extra.getUint16(at + 2, true);
    if (extra.getUint16(at, true) === ZIP_64_FIELD && at + 4 + length <= extra.byteLength) {
      return Array.from({ length: Math.min(length >> 3, 3) }, (_, i) => uint64(extra, at + 4 + 8 * i));
    }
    at += 4 + length;
  }
  return [];
}

/** Reads the entry's own header, which alone says where its bytes start, and checks that they end before `limit`. */
async function locate(zip: ByteSource, entry: ListedEntry, limit: number): Promise<ZipEntry> {
  const fail = (problem: string) => corruptFile(zip.name, `its entry ${printable(entry.name)} ${problem}`);
  const nameStart = entry.header + LOCAL_HEADER.length;
  if (nameStart + entry.name.length + entry.size > limit) throw fail('overlaps what follows it');
  const bytes = await readBytes(zip, entry.header, LOCAL_HEADER.length + entry.name.length);
  const header = view(bytes);
  const name = new TextDecoder('latin1').decode(bytes.subarray(LOCAL_HEADER.length));
  if (header.getUint32(0, true) !== LOCAL_HEADER.signature || header.getUint16(26, true) !== entry.name.length) {
    throw fail('is not where the zip directory says');
  }
  if (name !== entry.name || header.getUint16(8, true) !== 0) throw fail('differs from what the zip directory says');
  const start = nameStart + entry.name.length + header.getUint16(28, true);
  if (start + entry.size > limit) throw fail('overlaps what follows it');
  return { name: entry.name, start, size: entry.size };
}

/** PyTorch names entries in ASCII, `archive/data/0`. A name that leads elsewhere was made to deceive an unpacker. */
function checkName(bytes: Uint8Array, fileName: string): string {
  const name = new TextDecoder('latin1').decode(bytes);
  const isTrick =
    name.startsWith('/') || /[\\:\0]/.test(name) || name.split('/').some((part) => /^\.{0,2}$/.test(part));
  if (isTrick) throw corruptFile(fileName, `its entry ${printable(name)} has a name that leads elsewhere`);
  return name;
}

function view(bytes: Uint8Array<ArrayBuffer>): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Sizes beyond 2^53 lose precision here, and fail every later check. */
function uint64(bytes: DataView, offset: number): number {
  return Number(bytes.getBigUint64(offset, true));
}
