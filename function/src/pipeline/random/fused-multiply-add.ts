const { fround } = Math;

const scratch = new Float64Array(1);
const scratchWords = new Uint32Array(scratch.buffer);
// The index of a double's low 32 bits depends on the machine's byte order.
scratch[0] = 1;
const LOW_WORD = scratchWords[0] === 0 ? 0 : 1;

/** A double whose low 29 bits read 1000…0 lies exactly half-way between two float32 numbers. */
const DROPPED_BITS = 0x1fffffff;
const HALF_WAY = 0x10000000;

/**
 * Float32 `a * b + c` rounded once, as the FMA3 instructions of a CPU do.
 *
 * The product of two float32 numbers is exact in double; the sum is not, and rounding it first to
 * double and then to float32 goes wrong when the double happens to fall half-way between two floats.
 * Only then is the lost part of the sum worked out (Knuth's TwoSum), to lean the double to the right side.
 *
 * Valid for float32 arguments whose result is a normal float32 number or zero.
 */
export function fusedMultiplyAdd(a: number, b: number, c: number): number {
  const product = a * b;
  const sum = product + c;
  scratch[0] = sum;
  const low = scratchWords[LOW_WORD] as number;
  if ((low & DROPPED_BITS) !== HALF_WAY) return fround(sum);
  const addend = sum - product;
  const lost = product - (sum - addend) + (c - addend);
  if (lost === 0) return fround(sum);
  scratchWords[LOW_WORD] = lost > 0 === sum > 0 ? low + 1 : low - 1;
  return fround(scratch[0] as number);
}
