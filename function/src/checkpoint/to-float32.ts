import type { ElementType } from './tensor-source.ts';

/** Types a weight may be stored in. */
export type FloatType = Extract<ElementType, 'F32' | 'F16' | 'BF16' | 'F64'>;

export function isFloatType(type: ElementType): type is FloatType {
  return type === 'F32' || type === 'F16' || type === 'BF16' || type === 'F64';
}

/** One little-endian element of an integer type; undefined for other types. */
export function wholeNumber(bytes: Uint8Array, type: ElementType): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (type) {
    case 'I64':
      return Number(view.getBigInt64(0, true));
    case 'I32':
      return view.getInt32(0, true);
    case 'I16':
      return view.getInt16(0, true);
    case 'I8':
      return view.getInt8(0);
    case 'U8':
      return view.getUint8(0);
    default:
      return undefined;
  }
}

/** The bits of the float32 value of each of the 65,536 half-precision patterns (IEEE 754 binary16). */
let halfTable: Int32Array | undefined;

/**
 * Converts little-endian elements to float32. `source` may be the memory of `target`, where the type is F32.
 * @returns Whether every value is finite.
 */
export function toFloat32(source: Uint8Array, target: Float32Array, type: FloatType): boolean {
  const count = target.length;
  const bits = new Int32Array(target.buffer, target.byteOffset, count);
  switch (type) {
    case 'F32':
      if (source.buffer !== target.buffer) new Uint8Array(target.buffer, target.byteOffset, 4 * count).set(source);
      return allFinite(bits);
    case 'F16':
      halfTable ??= createHalfTable();
      return widenHalves(new Uint16Array(source.buffer, source.byteOffset, count), bits, halfTable);
    case 'BF16':
      return widenBrainFloats(new Uint16Array(source.buffer, source.byteOffset, count), bits);
    case 'F64':
      // What is too large for float32 becomes infinite, and is refused as such.
      target.set(new Float64Array(source.buffer, source.byteOffset, count));
      return allFinite(bits);
  }
}

/*
 * A value is infinite or no number when all bits of its exponent are set. Adding the exponent's lowest bit then carries
 * into the sign's place, so that or-ing the sums tells whether any value was. The loops have no branch and no callback:
 * `Float32Array.from` with one is ten times slower, and a checkpoint has a billion values.
 */

function allFinite(bits: Int32Array): boolean {
  let carried = 0;
  const fours = bits.length & ~3;
  for (let i = 0; i < fours; i += 4) {
    carried |=
      (((bits[i] as number) & 0x7f800000) + 0x800000) |
      (((bits[i + 1] as number) & 0x7f800000) + 0x800000) |
      (((bits[i + 2] as number) & 0x7f800000) + 0x800000) |
      (((bits[i + 3] as number) & 0x7f800000) + 0x800000);
  }
  for (let i = fours; i < bits.length; i += 1) carried |= ((bits[i] as number) & 0x7f800000) + 0x800000;
  return carried >= 0;
}

function widenHalves(halves: Uint16Array, target: Int32Array, table: Int32Array): boolean {
  let carried = 0;
  for (let i = 0; i < halves.length; i += 1) {
    const half = halves[i] as number;
    carried |= (half & 0x7c00) + 0x400;
    target[i] = table[half] as number;
  }
  return (carried & 0x8000) === 0;
}

/** A bfloat16 is the upper half of a float32. */
function widenBrainFloats(values: Uint16Array, target: Int32Array): boolean {
  let carried = 0;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] as number;
    carried |= (value & 0x7f80) + 0x80;
    target[i] = value << 16;
  }
  return (carried & 0x8000) === 0;
}

function createHalfTable(): Int32Array {
  const table = new Float32Array(0x10000);
  for (let bits = 0; bits < 0x10000; bits += 1) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    table[bits] = sign * halfMagnitude(exponent, fraction);
  }
  return new Int32Array(table.buffer);
}

function halfMagnitude(exponent: number, fraction: number): number {
  if (exponent === 0) return fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? Number.POSITIVE_INFINITY : Number.NaN;
  return (1 + fraction / 1024) * 2 ** (exponent - 15);
}
