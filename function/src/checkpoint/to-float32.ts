import { FunctionError } from '../errors.ts';
import type { TensorInfo } from './tensor-source.ts';

/** The float32 value of each of the 65,536 half-precision patterns (IEEE 754 binary16). */
let halfTable: Float32Array | undefined;

/** Converts the bytes of a tensor, little-endian, to float32. Floating-point types only. */
export function toFloat32(bytes: Uint8Array<ArrayBuffer>, tensor: TensorInfo): Float32Array {
  switch (tensor.type) {
    case 'F32':
      return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    case 'F16': {
      halfTable ??= createHalfTable();
      return mapWords(words(bytes), halfTable);
    }
    case 'BF16': {
      // A bfloat16 is the upper half of a float32.
      const values = words(bytes);
      const bits = new Uint32Array(values.length);
      for (let i = 0; i < values.length; i += 1) bits[i] = (values[i] as number) << 16;
      return new Float32Array(bits.buffer);
    }
    case 'F64':
      return Float32Array.from(new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8));
    default:
      throw new FunctionError(
        'model_corrupt',
        `Tensor ${tensor.name} holds ${tensor.type} values; weights must be F32, F16, BF16 or F64.`,
      );
  }
}

/** A plain loop: `Float32Array.from` with a callback is ten times slower, and a checkpoint has a billion values. */
function mapWords(values: Uint16Array, table: Float32Array): Float32Array {
  const result = new Float32Array(values.length);
  for (let i = 0; i < values.length; i += 1) result[i] = table[values[i] as number] as number;
  return result;
}

function words(bytes: Uint8Array<ArrayBuffer>): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
}

function createHalfTable(): Float32Array {
  const table = new Float32Array(0x10000);
  for (let bits = 0; bits < 0x10000; bits += 1) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    table[bits] = sign * halfMagnitude(exponent, fraction);
  }
  return table;
}

function halfMagnitude(exponent: number, fraction: number): number {
  if (exponent === 0) return fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? Number.POSITIVE_INFINITY : Number.NaN;
  return (1 + fraction / 1024) * 2 ** (exponent - 15);
}
