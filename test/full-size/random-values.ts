/**
 * Random numbers that any language can make again: a 32-bit hash of a name and an index. No platform's mathematics
 * library is involved, so the same name gives the same bits everywhere.
 */

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a of the name's ASCII bytes. */
function hashName(name: string): number {
  let hash = FNV_OFFSET;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), FNV_PRIME);
  return hash >>> 0;
}

/** Chris Wellons' "lowbias32" integer hash: every bit of the input moves every bit of the output. */
function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}

export interface Uniform {
  scale: number;
  offset: number;
  /** Index of the first value. */
  start: number;
}

/**
 * `offset + scale · u`, u uniform in [-1, 1) in steps of 2⁻²³: u = (mix(mix(i) xor FNV-1a(name)) >> 8) · 2⁻²³ − 1,
 * computed in double and rounded to float32 once.
 */
export function fillUniform(name: string, target: Float32Array, { scale, offset, start }: Uniform): void {
  const seed = hashName(name);
  for (let i = 0; i < target.length; i += 1) {
    target[i] = offset + scale * ((mix(mix(start + i) ^ seed) >>> 8) * 2 ** -23 - 1);
  }
}

export function uniformValues(name: string, count: number, scale: number, offset = 0): Float32Array {
  const values = new Float32Array(count);
  fillUniform(name, values, { scale, offset, start: 0 });
  return values;
}

/** Uniform with mean 0 and variance 1: in [-√3, √3). */
export function unitValues(name: string, count: number): Float32Array {
  return uniformValues(name, count, Math.sqrt(3));
}
