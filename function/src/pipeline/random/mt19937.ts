/** 32-bit words of a Mersenne Twister, in the order the reference generator yields them. */
export interface Mt19937 {
  /** The next word, an integer in [0, 2³²). */
  next(): number;
}

const STATE_SIZE = 624;
const SHIFT = 397;
const MATRIX_A = 0x9908b0df;
const UPPER_BIT = 0x80000000;
const LOWER_BITS = 0x7fffffff;

/**
 * MT19937 (Matsumoto and Nishimura, "Mersenne Twister", 1998) with the 2002 seeding, as
 * `at::mt19937` in PyTorch.
 *
 * @param seed Only its low 32 bits count, as in PyTorch.
 */
export function createMt19937(seed: number): Mt19937 {
  const state = new Uint32Array(STATE_SIZE);
  state[0] = seed % 0x100000000;
  for (let i = 1; i < STATE_SIZE; i++) {
    const previous = state[i - 1] as number;
    state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
  }
  let index = STATE_SIZE;

  function twist(): void {
    for (let i = 0; i < STATE_SIZE; i++) {
      const upper = (state[i] as number) & UPPER_BIT;
      const word = upper | ((state[(i + 1) % STATE_SIZE] as number) & LOWER_BITS);
      const shifted = (state[(i + SHIFT) % STATE_SIZE] as number) ^ (word >>> 1);
      state[i] = word & 1 ? shifted ^ MATRIX_A : shifted;
    }
    index = 0;
  }

  return {
    next() {
      if (index === STATE_SIZE) twist();
      let word = state[index++] as number;
      word ^= word >>> 11;
      word ^= (word << 7) & 0x9d2c5680;
      word ^= (word << 15) & 0xefc60000;
      word ^= word >>> 18;
      return word >>> 0;
    },
  };
}
