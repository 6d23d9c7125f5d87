import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import * as z from 'zod/mini';
import { FunctionError } from '../errors.ts';
import { type ElementType, elementBytes, type TensorInfo, type TensorSource } from './tensor-source.ts';
import { toFloat32 } from './to-float32.ts';

/** The format's own limit; a longer header is an attack on memory. */
const MAX_HEADER_BYTES = 100_000_000;

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
export async function openSafetensors(path: string): Promise<TensorSource> {
  const file = await open(path, 'r');
  try {
    return createSource(file, await readHeader(file, basename(path)), basename(path));
  } catch (error) {
    await file.close();
    throw error;
  }
}

function createSource(file: FileHandle, tensors: ReadonlyMap<string, PlacedTensor>, fileName: string): TensorSource {
  return {
    tensors,
    async readFloat32(name) {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw corrupt(fileName, `it has no tensor ${name}`);
      const bytes = await readExactly(file, tensor.start, tensor.byteLength, fileName);
      return toFloat32(bytes, tensor);
    },
    close: () => file.close(),
  };
}

async function readHeader(file: FileHandle, fileName: string): Promise<Map<string, PlacedTensor>> {
  const { size } = await file.stat();
  if (size < 8) throw corrupt(fileName, `it is ${size} bytes long, too short for a safetensors file`);
  const lengthBytes = await readExactly(file, 0, 8, fileName);
  const headerLength = Number(new DataView(lengthBytes.buffer).getBigUint64(0, true));
  if (headerLength > MAX_HEADER_BYTES || headerLength > size - 8) {
    throw corrupt(
      fileName,
      `its header claims ${headerLength} bytes; the file has ${size}. Is it a safetensors file, and whole?`,
    );
  }
  const header = parseHeader(await readExactly(file, 8, headerLength, fileName), fileName);
  return placeTensors(header, 8 + headerLength, size, fileName);
}

function parseHeader(bytes: Uint8Array, fileName: string): [string, unknown][] {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw corrupt(fileName, 'its header is not JSON', cause);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw corrupt(fileName, 'its header is not an object');
  }
  return Object.entries(header).filter(([name]) => name !== '__metadata__');
}

function placeTensors(
  entries: [string, unknown][],
  dataStart: number,
  fileSize: number,
  fileName: string,
): Map<string, PlacedTensor> {
  const placed = entries.map(([name, entry]) => placeTensor(name, entry, dataStart, fileName));
  placed.sort((a, b) => a.start - b.start);
  let end = dataStart;
  for (const tensor of placed) {
    if (tensor.start !== end) {
      throw corrupt(
        fileName,
        `tensor ${tensor.name} ${tensor.start < end ? 'overlaps the one before it' : 'leaves a gap before it'}`,
      );
    }
    end += tensor.byteLength;
  }
  if (end !== fileSize) {
    throw corrupt(
      fileName,
      `its tensors end at byte ${end} but the file has ${fileSize}: it was cut short or is not whole`,
    );
  }
  return new Map(placed.map((tensor) => [tensor.name, tensor]));
}

function placeTensor(name: string, entry: unknown, dataStart: number, fileName: string): PlacedTensor {
  const parsed = entrySchema.safeParse(entry);
  if (!parsed.success) throw corrupt(fileName, `the header's entry for tensor ${name} is malformed`);
  const { dtype, shape, data_offsets } = parsed.data;
  if (!isElementType(dtype)) throw corrupt(fileName, `tensor ${name} has the unknown type ${dtype}`);
  const byteLength = shape.reduce((product, dim) => product * dim, elementBytes[dtype]);
  const [begin, end] = data_offsets;
  if (!Number.isSafeInteger(byteLength) || end - begin !== byteLength) {
    throw corrupt(fileName, `tensor ${name} has a shape of ${byteLength} bytes but ${end - begin} bytes of data`);
  }
  return { name, type: dtype, shape, byteLength, start: dataStart + begin };
}

function isElementType(name: string): name is ElementType {
  return Object.hasOwn(elementBytes, name);
}

async function readExactly(
  file: FileHandle,
  position: number,
  length: number,
  fileName: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) throw corrupt(fileName, 'it ended while it was read');
    filled += bytesRead;
  }
  return bytes;
}

function corrupt(fileName: string, problem: string, cause?: unknown): FunctionError {
  return new FunctionError('model_corrupt', `${fileName} cannot be read: ${problem}.`, { cause });
}
