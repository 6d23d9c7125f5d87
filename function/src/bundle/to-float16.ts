const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** The largest number of half precision; what rounds to more becomes an infinity. */
export const MAX_FLOAT16 = 65_504;

/** Bits of the half-precision number nearest to a value, ties to even (IEEE 754 § 4.3.1), subnormals included. */
export function toFloat16Bits(value: number): number {
  scratch[0] = value;
  const bits = scratchBits[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477f_f000) return sign | 0x7c00; // 65,520 and more
  if (magnitude < 0x3880_0000) {
    // Below 2^-14 halves are multiples of 2^-24: adding 2^23 makes the float unit round to whole ones.
    scratch[0] = Math.abs(value) * 2 ** 24 + 2 ** 23;
    return sign | ((scratchBits[0] as number) & 0x7ff);
  }
  // Re-bias the exponent, drop 13 bits, and round half to even.
  return sign | ((magnitude - 0x3800_0000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}
