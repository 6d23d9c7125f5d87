import { allocate, type ByteSource, readBytes } from './byte-source.ts';
import { corruptFile, printable } from './corrupt-file.ts';
import { type ElementRun, elementBytes, elementCount, type TensorInfo } from './tensor-source.ts';
import { type FloatType, isFloatType, toFloat32, wholeNumber } from './to-float32.ts';

/** Elements converted at a time: while one piece is, the next is read. Small enough to be in the cache still. */
const PIECE = 1 << 19;

/**
 * Reads elements of a tensor that lie one behind the other as float32.
 * @param position Of the tensor's first element.
 * @param run @defaultValue All elements, into new memory
 * @throws FunctionError `model_corrupt` naming file and tensor: not floating-point, not finite, or cut short.
 */
export async function readFloat32(
  source: ByteSource,
  tensor: Pick<TensorInfo, 'name' | 'type' | 'shape'>,
  position: number,
  run?: ElementRun,
): Promise<Float32Array> {
  const count = elementCount(tensor.shape);
  if (count === 1 && !isFloatType(tensor.type)) {
    const bytes = await readBytes(source, position, elementBytes[tensor.type]);
    return copyRun(convertToFloat32(source.name, tensor, bytes), run);
  }
  const type = floatType(source.name, tensor);
  const { start, target } = run ?? { start: 0, target: new Float32Array(allocate(4 * count).buffer) };
  if (start + target.length > count) throw new RangeError(`${tensor.name} has only ${count} elements`);
  const readPiece = createPieceReader(source, target, type, position + elementBytes[type] * start);
  let piece = readPiece(0);
  for (let offset = 0; offset < target.length; offset += PIECE) {
    const bytes = await piece;
    if (offset + PIECE < target.length) {
      piece = readPiece(offset + PIECE);
      // Whoever awaits it hears of its failure, unless this piece fails first.
      piece.catch(() => undefined);
    }
    const values = target.subarray(offset, offset + PIECE);
    if (!toFloat32(bytes, values, type)) {
      await piece.catch(() => undefined); // Nothing may write to the memory once this has failed.
      throw notFinite(source.name, tensor, values, start + offset);
    }
  }
  return target;
}

/** The same for elements that are in memory already. */
export function convertToFloat32(
  fileName: string,
  tensor: Pick<TensorInfo, 'name' | 'type'>,
  bytes: Uint8Array,
): Float32Array {
  // A LoRA's alpha is one number, and in some files a whole one.
  const whole = bytes.byteLength === elementBytes[tensor.type] ? wholeNumber(bytes, tensor.type) : undefined;
  if (whole !== undefined) return Float32Array.of(whole);
  const type = floatType(fileName, tensor);
  const result = new Float32Array(bytes.byteLength / elementBytes[type]);
  if (!toFloat32(bytes, result, type)) throw notFinite(fileName, tensor, result, 0);
  return result;
}

/** The run of a tensor that is in memory as a whole. */
export function copyRun(values: Float32Array, run?: ElementRun): Float32Array {
  if (run === undefined) return values.slice();
  run.target.set(values.subarray(run.start, run.start + run.target.length));
  return run.target;
}

function floatType(fileName: string, { name, type }: Pick<TensorInfo, 'name' | 'type'>): FloatType {
  if (isFloatType(type)) return type;
  const problem = `tensor ${printable(name)} holds ${type} values; weights must be F32, F16, BF16 or F64`;
  throw corruptFile(fileName, problem);
}

/** Pieces alternate between two buffers; float32 is read to where it stays. */
function createPieceReader(
  source: ByteSource,
  target: Float32Array,
  type: FloatType,
  position: number,
): (offset: number) => Promise<Uint8Array> {
  const size = elementBytes[type];
  const pieceBytes = size * Math.min(PIECE, target.length);
  const buffers = type === 'F32' ? undefined : [allocate(pieceBytes), allocate(target.length > PIECE ? pieceBytes : 0)];
  return async (offset) => {
    const length = size * Math.min(PIECE, target.length - offset);
    const bytes =
      buffers?.[(offset / PIECE) % 2]?.subarray(0, length) ??
      new Uint8Array(target.buffer, target.byteOffset + size * offset, length);
    await source.read(bytes, position + size * offset);
    return bytes;
  };
}

function notFinite(fileName: string, { name }: Pick<TensorInfo, 'name'>, values: Float32Array, start: number) {
  const index = values.findIndex((value) => !Number.isFinite(value));
  const problem = `tensor ${printable(name)} holds ${values[index]} at element ${start + index}; weights must be finite`;
  return corruptFile(fileName, problem);
}
