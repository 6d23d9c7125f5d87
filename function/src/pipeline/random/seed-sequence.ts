/** Constants of NumPy's `SeedSequence`, after Melissa O'Neill's `seed_seq_fe`. */
const INIT_A = 0x43b0d7e5;
const MULT_A = 0x931e8875;
const INIT_B = 0x8b51f9dd;
const MULT_B = 0x58f38ded;
const MIX_MULT_L = 0xca01f9dd;
const MIX_MULT_R = 0x4973f715;
const XSHIFT = 16;

/**
 * The uint32 words of `numpy.random.SeedSequence(entropy, spawn_key=…, pool_size=…).generate_state(count)`: seeds for
 * generators that must not know of each other.
 *
 * @param entropy A uint32.
 * @param options.spawnKey uint32 words that name one of many sequences of the same entropy.
 */
export function seedSequence(
  entropy: number,
  count: number,
  { spawnKey = [], poolSize = 4 }: { spawnKey?: readonly number[]; poolSize?: number } = {},
): Uint32Array {
  return generateState(mixPool(entropyWords(entropy, spawnKey, poolSize), poolSize), count);
}

/** The spawn key starts behind the pool, so that it is never taken for entropy. */
function entropyWords(entropy: number, spawnKey: readonly number[], poolSize: number): Uint32Array {
  if (spawnKey.length === 0) return Uint32Array.of(entropy);
  const words = new Uint32Array(poolSize + spawnKey.length);
  words[0] = entropy;
  words.set(spawnKey, poolSize);
  return words;
}

function mixPool(words: Uint32Array, poolSize: number): Uint32Array {
  let hashConstant = INIT_A;
  const hash = (value: number) => {
    const mixed = value ^ hashConstant;
    hashConstant = Math.imul(hashConstant, MULT_A) >>> 0;
    const multiplied = Math.imul(mixed, hashConstant) >>> 0;
    return (multiplied ^ (multiplied >>> XSHIFT)) >>> 0;
  };
  const mix = (x: number, y: number) => {
    const result = (Math.imul(MIX_MULT_L, x) - Math.imul(MIX_MULT_R, y)) >>> 0;
    return (result ^ (result >>> XSHIFT)) >>> 0;
  };

  const pool = new Uint32Array(poolSize);
  for (const i of pool.keys()) pool[i] = hash(words[i] ?? 0);
  for (const source of pool.keys()) {
    for (const target of pool.keys()) {
      if (source !== target) pool[target] = mix(pool[target] as number, hash(pool[source] as number));
    }
  }
  for (const word of words.subarray(poolSize)) {
    for (const target of pool.keys()) pool[target] = mix(pool[target] as number, hash(word));
  }
  return pool;
}

function generateState(pool: Uint32Array, count: number): Uint32Array {
  let hashConstant = INIT_B;
  return Uint32Array.from({ length: count }, (_, i) => {
    const mixed = (pool[i % pool.length] as number) ^ hashConstant;
    hashConstant = Math.imul(hashConstant, MULT_B) >>> 0;
    const multiplied = Math.imul(mixed, hashConstant) >>> 0;
    return multiplied ^ (multiplied >>> XSHIFT);
  });
}
