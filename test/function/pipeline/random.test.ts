import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { describe, it } from 'node:test';
import { fusedMultiplyAdd } from '../../../function/src/pipeline/random/fused-multiply-add.ts';
import { createMt19937 } from '../../../function/src/pipeline/random/mt19937.ts';
import { createNoiseGenerator } from '../../../function/src/pipeline/random/noise-generator.ts';
import { philox4x32 } from '../../../function/src/pipeline/random/philox.ts';

interface Call {
  count: number;
  sha256: string;
  head: number[];
  tail: number[];
}

interface Stream {
  seed: number;
  calls: Call[];
}

interface Goldens {
  torch: string;
  cpu: Stream[];
  cuda: Stream[];
}

const fixture = new URL('../../fixtures/random/torch-randn.json', import.meta.url);
const goldens = JSON.parse(readFileSync(fixture, 'utf8')) as Goldens;

function sha256(values: Float32Array): string {
  assert.equal(endianness(), 'LE', 'the fixture holds hashes of little-endian floats');
  return createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex');
}

for (const kind of ['cpu', 'cuda'] as const) {
  describe(`${kind} noise is bit for bit the reference`, () => {
    for (const { seed, calls } of goldens[kind]) {
      it(`seed ${seed}, successive calls of ${calls.map((call) => call.count).join(', ')}`, () => {
        const generator = createNoiseGenerator(kind, seed);
        for (const { count, head, tail, sha256: expected } of calls) {
          const values = generator.randn(count);
          assert.equal(values.length, count);
          assert.deepEqual([...values.slice(0, 4)], head);
          assert.deepEqual([...values.slice(-4)], tail);
          assert.equal(sha256(values), expected);
        }
      });
    }
  });
}

describe('cpu noise', () => {
  it('depends on the low 32 bits of the seed only, as in PyTorch', () => {
    const low = createNoiseGenerator('cpu', 42).randn(64);
    const high = createNoiseGenerator('cpu', 2 ** 32 + 42).randn(64);
    assert.deepEqual(low, high);
  });

  it('is drawn fast enough not to matter beside one denoising step', () => {
    const generator = createNoiseGenerator('cpu', 1);
    generator.randn(4 * 64 * 64);
    const bestMs = Math.min(
      ...Array.from({ length: 10 }, () => {
        const startedAt = performance.now();
        generator.randn(4 * 64 * 64);
        return performance.now() - startedAt;
      }),
    );
    // About 1 ms on a laptop; the bound only catches a change of magnitude.
    assert.ok(bestMs < 20, `${bestMs} ms`);
  });
});

describe('cuda noise', () => {
  it('is what AUTOMATIC1111 publishes for seed 0', () => {
    // The expected output in the docstring of modules/rng_philox.py. It does not round cuRAND's constants to
    // float32 as the code below it does, which moves the seventh digit.
    const published = [
      -0.92466259, -0.42534415, -2.6438457, 0.14518388, -0.12086647, -0.57972564, -0.62285122, -0.32838709, -1.07454231,
      -0.36314407, -1.67105067, 2.26550497,
    ];
    const values = createNoiseGenerator('cuda', 0).randn(12);
    for (const [i, expected] of published.entries()) {
      const error = Math.abs((values[i] ?? Number.NaN) - expected);
      assert.ok(error < 3e-7, `value ${i} is ${values[i]}, not ${expected}`);
    }
  });

  it('depends on the high bits of the seed', () => {
    const low = createNoiseGenerator('cuda', 42).randn(4);
    const high = createNoiseGenerator('cuda', 2 ** 32 + 42).randn(4);
    assert.notDeepEqual(low, high);
  });
});

describe('createNoiseGenerator', () => {
  for (const seed of [-1, 0.5, Number.NaN, 2 ** 53]) {
    it(`rejects the seed ${seed}`, () => {
      assert.throws(() => createNoiseGenerator('cpu', seed), RangeError);
    });
  }
});

describe('philox4x32', () => {
  // Random123, tests/kat_vectors, "philox4x32 10": counter, key, result.
  const vectors = [
    ['00000000 00000000 00000000 00000000', '00000000 00000000', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    ['ffffffff ffffffff ffffffff ffffffff', 'ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    ['243f6a88 85a308d3 13198a2e 03707344', 'a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ] as const;
  const words = (hex: string) => Uint32Array.from(hex.split(' '), (word) => Number.parseInt(word, 16));

  for (const [counter, key, result] of vectors) {
    it(`scrambles ${counter} as the authors' known answer`, () => {
      const block = words(counter);
      const [keyLow = 0, keyHigh = 0] = words(key);
      philox4x32(block, keyLow, keyHigh);
      assert.deepEqual(block, words(result));
    });
  }
});

describe('createMt19937', () => {
  it('yields 4123659995 as its 10000th word from the seed 5489, as the C++ standard requires', () => {
    const twister = createMt19937(5489);
    for (let i = 1; i < 10_000; i++) twister.next();
    assert.equal(twister.next(), 4123659995);
  });
});

describe('fusedMultiplyAdd', () => {
  const ulp = 2 ** -23;

  it('rounds once where rounding to double first would end on a tie', () => {
    const a = 1 + 2 ** -12;
    const product = a * a; // 1 + 2⁻¹¹ + 2⁻²⁴: half-way between two floats; 2⁻⁷⁰ more is lost in a double
    assert.equal(fusedMultiplyAdd(a, a, 2 ** -70), 1 + 2 ** -11 + ulp);
    assert.equal(fusedMultiplyAdd(a, a, -(2 ** -70)), 1 + 2 ** -11);
    assert.equal(Math.fround(product + 2 ** -70), 1 + 2 ** -11, 'naive rounding ties to even');
    assert.equal(fusedMultiplyAdd(-a, a, -(2 ** -70)), -(1 + 2 ** -11 + ulp));
    assert.equal(fusedMultiplyAdd(-a, a, 2 ** -70), -(1 + 2 ** -11));
  });

  it('keeps an exact tie to even', () => {
    const a = 1 + 2 ** -12;
    assert.equal(fusedMultiplyAdd(a, a, 0), 1 + 2 ** -11);
  });
});
