import * as z from 'zod/mini';
import { type ByteSource, openByteSource, readBytes } from './byte-source.ts';
import { corruptFile, printable } from './corrupt-file.ts';
import { readFloat32 } from './read-float32.ts';
import { type CheckpointFile, elementBytes, elementCount, isElementType, type TensorInfo } from './tensor-source.ts';

/** The format's own limit; a longer header is an attack on memory. */
const MAX_HEADER_BYTES = 100_000_000;

/** The header's entry that is no tensor. */
const METADATA = '__metadata__';

const index = z.number().check(z.int(), z.nonnegative());
const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(index).check(z.maxLength(8)),
  data_offsets: z.tuple([index, index]),
});

interface PlacedTensor extends TensorInfo {
  /** Position in the file. */
  readonly start: number;
}

/**
 * Opens a `.safetensors` file: 8 bytes of header length, a JSON header, then the raw tensors. The header is hostile until
 * checked: tensors must lie one behind the other, without gap or overlap, and end where the file ends.
 *
 * @throws FunctionError `model_corrupt` naming the file and, where there is one, the tensor.
 * @see https://github.com/huggingface/safetensors#format
 */
export async function openSafetensors(path: string): Promise<CheckpointFile> {
  const bytes = await openByteSource(path);
  try {
    return await readSafetensors(bytes);
  } catch (error) {
    await bytes.close();
    throw error;
  }
}

/** As `openSafetensors`, from bytes wherever they are. Closing the result closes them. */
export async function readSafetensors(bytes: ByteSource): Promise<CheckpointFile> {
  const { tensors, metadata } = await readHeader(bytes);
  return {
    tensors,
    metadata,
    fileName: bytes.name,
    format: 'safetensors',
    nesting: [],
    async readFloat32(name, run) {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw corruptFile(bytes.name, `it has no tensor ${printable(name)}`);
      return readFloat32(bytes, tensor, tensor.start, run);
    },
    close: () => bytes.close(),
  };
}

interface Header {
  tensors: Map<string, PlacedTensor>;
  metadata: Map<string, string>;
}

async function readHeader(bytes: ByteSource): Promise<Header> {
  const { size, name } = bytes;
  if (size < 8) throw corruptFile(name, `it is ${size} bytes long, too short for a safetensors file`);
  const lengthBytes = await readBytes(bytes, 0, 8);
  const headerLength = Number(new DataView(lengthBytes.buffer).getBigUint64(0, true));
  if (headerLength > MAX_HEADER_BYTES || headerLength > size - 8) {
    const problem = `its header claims ${headerLength} bytes; the file has ${size}. Is it a safetensors file, and whole?`;
    throw corruptFile(name, problem);
  }
  const header = parseHeader(await readBytes(bytes, 8, headerLength), name);
  const entries = Object.entries(header).filter(([tensor]) => tensor !== METADATA);
  return {
    tensors: placeTensors(entries, 8 + headerLength, size, name),
    metadata: readMetadata(Object.hasOwn(header, METADATA) ? header[METADATA] : undefined),
  };
}

/** What programs note about a file decides nothing about its tensors: what is no text is passed over. */
function readMetadata(metadata: unknown): Map<string, string> {
  if (typeof metadata !== 'object' || metadata === null) return new Map();
  const entries = Object.entries(metadata).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return new Map(entries);
}

function parseHeader(bytes: Uint8Array, fileName: string): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw corruptFile(fileName, 'its header is not JSON', cause);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw corruptFile(fileName, 'its header is not an object');
  }
  return header as Record<string, unknown>;
}

function placeTensors(
  entries: [string, unknown][],
  dataStart: number,
  fileSize: number,
  fileName: string,
): Map<string, PlacedTensor> {
  const placed = entries.map(([name, entry]) => placeTensor(name, entry, dataStart, fileName));
  placed.sort((a, b) => a.start - b.start || a.byteLength - b.byteLength);
  let end = dataStart;
  for (const { name, start, byteLength } of placed) {
    if (start !== end) {
      const problem = start < end ? 'overlaps the one before it' : 'leaves a gap before it';
      throw corruptFile(fileName, `tensor ${printable(name)} ${problem}`);
    }
    end += byteLength;
  }
  if (end !== fileSize) {
    const problem = `its tensors end at byte ${end} but the file has ${fileSize}: it was cut short or is not whole`;
    throw corruptFile(fileName, problem);
  }
  return new Map(placed.map((tensor) => [tensor.name, tensor]));
}

function placeTensor(name: string, entry: unknown, dataStart: number, fileName: string): PlacedTensor {
  const parsed = entrySchema.safeParse(entry);
  if (!parsed.success) throw corruptFile(fileName, `the header's entry for tensor ${printable(name)} is malformed`);
  const { dtype, shape, data_offsets } = parsed.data;
  if (!isElementType(dtype)) {
    throw corruptFile(fileName, `tensor ${printable(name)} has the unknown type ${printable(dtype)}`);
  }
  const byteLength = elementCount(shape) * elementBytes[dtype];
  const [begin, end] = data_offsets;
  if (!Number.isSafeInteger(byteLength) || end - begin !== byteLength) {
    const problem = `has a shape of ${byteLength} bytes but ${end - begin} bytes of data`;
    throw corruptFile(fileName, `tensor ${printable(name)} ${problem}`);
  }
  return { name, type: dtype, shape, byteLength, start: dataStart + begin };
}
