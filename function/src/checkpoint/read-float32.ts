import { allocate, type ByteSource } from './byte-source.ts';
import { corruptFile, printable } from './corrupt-file.ts';
import { elementBytes, type TensorInfo } from './tensor-source.ts';
import { type FloatType, isFloatType, toFloat32 } from './to-float32.ts';

/** Elements converted at a time: while one piece is, the next is read. Small enough to be in the cache still. */
const PIECE = 1 << 19;

/**
 * Reads elements that lie one behind the other as float32.
 * @param memory Where to put them, if it is large enough.
 * @throws FunctionError `model_corrupt` naming file and tensor: not floating-point, not finite, or cut short.
 */
export async function readFloat32(
  source: ByteSource,
  tensor: Pick<TensorInfo, 'name' | 'type'>,
  position: number,
  count: number,
  memory?: ArrayBuffer,
): Promise<Float32Array<ArrayBuffer>> {
  const type = floatType(source.name, tensor);
  const fits = memory !== undefined && memory.byteLength >= 4 * count;
  const result = new Float32Array(fits ? memory : allocate(4 * count).buffer, 0, count);
  const readPiece = createPieceReader(source, result, type, position);
  let piece = readPiece(0);
  for (let start = 0; start < count; start += PIECE) {
    const bytes = await piece;
    if (start + PIECE < count) {
      piece = readPiece(start + PIECE);
      // Whoever awaits it hears of its failure, unless this piece fails first.
      piece.catch(() => undefined);
    }
    const values = result.subarray(start, start + PIECE);
    if (!toFloat32(bytes, values, type)) {
      await piece.catch(() => undefined); // Nothing may write to the memory once this has failed.
      throw notFinite(source.name, tensor, values, start);
    }
  }
  return result;
}

/** The same for elements that are in memory already. */
export function convertToFloat32(
  fileName: string,
  tensor: Pick<TensorInfo, 'name' | 'type'>,
  bytes: Uint8Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  const type = floatType(fileName, tensor);
  const result = new Float32Array(bytes.byteLength / elementBytes[type]);
  if (!toFloat32(bytes, result, type)) throw notFinite(fileName, tensor, result, 0);
  return result;
}

function floatType(fileName: string, { name, type }: Pick<TensorInfo, 'name' | 'type'>): FloatType {
  if (isFloatType(type)) return type;
  const problem = `tensor ${printable(name)} holds ${type} values; weights must be F32, F16, BF16 or F64`;
  throw corruptFile(fileName, problem);
}

/** Pieces alternate between two buffers; float32 is read to where it stays. */
function createPieceReader(
  source: ByteSource,
  result: Float32Array<ArrayBuffer>,
  type: FloatType,
  position: number,
): (start: number) => Promise<Uint8Array<ArrayBuffer>> {
  const size = elementBytes[type];
  const pieceBytes = size * Math.min(PIECE, result.length);
  const buffers = type === 'F32' ? undefined : [allocate(pieceBytes), allocate(pieceBytes)];
  return async (start) => {
    const length = size * Math.min(PIECE, result.length - start);
    const bytes =
      buffers?.[(start / PIECE) % 2]?.subarray(0, length) ?? new Uint8Array(result.buffer, size * start, length);
    await source.read(bytes, position + size * start);
    return bytes;
  };
}

function notFinite(fileName: string, { name }: Pick<TensorInfo, 'name'>, values: Float32Array, start: number) {
  const index = values.findIndex((value) => !Number.isFinite(value));
  const problem = `tensor ${printable(name)} holds ${values[index]} at element ${start + index}; weights must be finite`;
  return corruptFile(fileName, problem);
}
