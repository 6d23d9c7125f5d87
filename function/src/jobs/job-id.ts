import { randomBytes as cryptoRandomBytes } from 'node:crypto';

// Crockford's base 32, lower case: sorts like the numbers it stands for.
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_LENGTH = 10;
const RANDOM_LENGTH = 16;

export interface JobIdOptions {
  now?: () => number;
  randomBytes?: (size: number) => Uint8Array;
}

const encodeTime = (time: number): string => {
  let text = '';
  for (let rest = time; text.length < TIME_LENGTH; rest = Math.floor(rest / 32))
    text = ALPHABET.charAt(rest % 32) + text;
  return text;
};

const increment = (digits: readonly number[]): number[] => {
  const next = [...digits];
  for (let i = next.length - 1; i >= 0; i--) {
    const digit = next[i] ?? 0;
    next[i] = (digit + 1) % 32;
    if (digit < 31) break;
  }
  return next;
};

/**
 * A source of job ids: 48 bits of time, then 80 random ones, as ULIDs have. Sorting ids sorts jobs by age; ids of one
 * source made within a millisecond, or while the clock is set back, still grow.
 */
export const createJobIdSource = ({
  now = Date.now,
  randomBytes = cryptoRandomBytes,
}: JobIdOptions = {}): (() => string) => {
  let lastTime = -1;
  let digits: number[] = [];
  return () => {
    const time = now();
    if (time > lastTime) {
      lastTime = time;
      digits = Array.from(randomBytes(RANDOM_LENGTH), (byte) => byte % 32);
      // Leaves room to count up.
      digits[0] = (digits[0] ?? 0) % 16;
    } else {
      digits = increment(digits);
    }
    return encodeTime(lastTime) + digits.map((digit) => ALPHABET.charAt(digit)).join('');
  };
};
