import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { createBrownianNoise } from '../../../function/src/pipeline/random/brownian-noise.ts';
import { createBrownianTree } from '../../../function/src/pipeline/random/brownian-tree.ts';
import type { NoiseGeneratorKind } from '../../../function/src/pipeline/random/noise-generator.ts';
import { seedSequence } from '../../../function/src/pipeline/random/seed-sequence.ts';
import { slerp } from '../../../function/src/pipeline/random/slerp.ts';
import goldens from '../../fixtures/random/brownian.json' with { type: 'json' };

const { sigmaMin, sigmaMax } = goldens;
const pair = ([first = 0, second = 0]: readonly number[]) => [first, second] as const;

describe('Brownian motion is bit for bit that of torchsde', () => {
  for (const { kind, seed, count, queries, values } of goldens.motions) {
    it(`${kind}, seed ${seed}, ${count} values`, () => {
      const options = { kind: kind as NoiseGeneratorKind, seed, count, start: sigmaMin, end: sigmaMax };
      const increment = createBrownianTree(options);
      for (const [i, query] of queries.entries()) {
        const actual = increment(...pair(query));
        assert.deepEqual([...actual.slice(0, 4)], values[i]?.head, `query ${i}`);
        const digest = createHash('sha256').update(new Uint8Array(actual.buffer)).digest('hex');
        assert.equal(digest, values[i]?.sha256, `query ${i}`);
      }
    });
  }
});

describe('Brownian motion', () => {
  const options = { kind: 'cuda', seed: 5, count: 4096, start: sigmaMin, end: sigmaMax } as const;

  it('does not depend on where it was looked at before', () => {
    const fresh = createBrownianTree(options)(1, 2);
    const used = createBrownianTree(options);
    for (let i = 0; i < 30; i += 1) used(i / 10, 3 + i / 10);
    assert.deepEqual(used(1, 2), fresh);
  });

  it('does not move where no time passes', () => {
    assert.ok(createBrownianTree(options)(3, 3).every((value) => value === 0));
  });

  it('makes unit noise of any stretch', () => {
    const noise = createBrownianNoise({ kind: 'cuda', seed: 5, count: 4096, sigmaMin, sigmaMax });
    for (const [sigma, sigmaNext] of [
      [14.6, 9],
      [9, 8.9],
      [0.06, 0.03],
    ] as const) {
      const values = noise(sigma, sigmaNext);
      const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
      assert.ok(Math.abs(variance - 1) < 0.1, `variance ${variance} from ${sigma} to ${sigmaNext}`);
    }
  });
});

describe('seedSequence gives the words of numpy', () => {
  for (const [entropy, spawnKey, poolSize, words] of goldens.seedSequences as [number, number[], number, number[]][]) {
    it(`for ${entropy}, spawn key [${spawnKey}], pool of ${poolSize}`, () => {
      assert.deepEqual([...seedSequence(entropy, 5, { spawnKey, poolSize })], words);
    });
  }
});

describe('slerp goes where that of AUTOMATIC1111 goes', () => {
  for (const { share, from, to, result } of goldens.slerps) {
    it(`${share} of the way`, () => {
      const actual = slerp(Float32Array.from(from), Float32Array.from(to), share, [1, 4, 8, 2]);
      const error = Math.max(...result.map((value, i) => Math.abs(value - (actual[i] ?? Number.NaN))));
      assert.ok(error <= 1e-6, `off by ${error}`);
    });
  }
});
