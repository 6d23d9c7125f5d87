import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { inverseIncompleteBeta } from '../../../function/src/pipeline/schedulers/incomplete-beta.ts';
import { createNoiseSchedule } from '../../../function/src/pipeline/schedulers/noise-schedule.ts';
import { sigmaSchedules } from '../../../function/src/pipeline/schedulers/sigma-schedules.ts';
import {
  ddimTimesteps,
  sigmaToTimestep,
  timestepToSigma,
} from '../../../function/src/pipeline/schedulers/timesteps.ts';

interface Goldens {
  alphasCumprod: [index: number, value: number][];
  sigmas: [index: number, value: number][];
  sigmaToTimestep: [sigma: number, timestep: number][];
  schedules: Record<string, [steps: number, sigmas: number[]][]>;
}

const fixture = new URL('../../fixtures/schedulers/trajectories.json', import.meta.url);
const goldens = JSON.parse(readFileSync(fixture, 'utf8')) as Goldens;
const noiseSchedule = createNoiseSchedule({ timesteps: 1000, linearStart: 0.00085, linearEnd: 0.012 });

function assertClose(actual: number | undefined, expected: number, tolerance: number): void {
  const error = Math.abs((actual ?? Number.NaN) - expected);
  assert.ok(error <= tolerance, `${actual} is not within ${tolerance} of ${expected}`);
}

describe('createNoiseSchedule', () => {
  it('keeps the float32 alphas of the original to the bit', () => {
    for (const [i, value] of goldens.alphasCumprod) assert.equal(noiseSchedule.alphasCumprod[i], value);
  });

  it("agrees with k-diffusion's sigmas to float32 precision", () => {
    for (const [i, value] of goldens.sigmas) assertClose(noiseSchedule.sigmas[i], value, 2e-7 * value);
  });
});

describe('ddimTimesteps', () => {
  it('spaces steps evenly, noisiest first, and ends at 1', () => {
    assert.deepEqual([...ddimTimesteps(4, 1000)], [751, 501, 251, 1]);
  });

  it('runs only timestep 1 for one step', () => {
    assert.deepEqual([...ddimTimesteps(1, 1000)], [1]);
  });

  // The originals' arithmetic; people's images depend on it.
  for (const [steps, count] of [
    [2, 2],
    [3, 4],
    [30, 31],
    [50, 50],
    [101, 112],
    [400, 500],
    [501, 1000],
    [1000, 1000],
  ] as const) {
    it(`makes ${count} steps of ${steps}`, () => {
      assert.equal(ddimTimesteps(steps, 1000).length, count);
    });
  }

  it('stays inside the table where the original runs past it', () => {
    assert.deepEqual([...ddimTimesteps(3, 1000)], [999, 667, 334, 1]);
    assert.deepEqual([...ddimTimesteps(1000, 1000).slice(0, 3)], [999, 999, 998]);
  });

  it('rejects more steps than there are timesteps', () => {
    assert.throws(() => ddimTimesteps(1001, 1000), RangeError);
  });
});

describe('sigma schedules', () => {
  for (const [name, schedule] of Object.entries(sigmaSchedules)) {
    for (const [steps, expected] of goldens.schedules[name] ?? []) {
      it(`${name} agrees with A1111 to float32 precision in ${steps} steps`, () => {
        const actual = schedule(steps, noiseSchedule);
        assert.equal(actual.length, expected.length);
        for (const [i, value] of expected.entries()) assertClose(actual[i], value, 2e-6 * value);
      });
    }

    it(`${name} goes from noise straight to none in one step`, () => {
      const [first, last, ...rest] = schedule(1, noiseSchedule);
      assert.equal(last, 0);
      assert.deepEqual(rest, []);
      // Timestep 1, where DDIM of one step is.
      const start = name === 'ddim_uniform' ? noiseSchedule.sigmas[1] : noiseSchedule.sigmas.at(-1);
      assertClose(first, start ?? Number.NaN, 1e-3);
    });

    it(`${name} falls all the way in 500 steps`, () => {
      const sigmas = schedule(500, noiseSchedule);
      assert.equal(sigmas.length, 501);
      for (let i = 1; i < sigmas.length; i++) assert.ok(Number(sigmas[i]) < Number(sigmas[i - 1]));
    });
  }
});

describe('inverseIncompleteBeta', () => {
  it('is the quantile function: known values', () => {
    assertClose(inverseIncompleteBeta(0.3, 1, 1), 0.3, 1e-14);
    assertClose(inverseIncompleteBeta(0.25, 0.5, 0.5), Math.sin((Math.PI * 0.25) / 2) ** 2, 1e-14);
    assertClose(inverseIncompleteBeta(0.09, 2, 1), 0.3, 1e-14);
    assert.equal(inverseIncompleteBeta(0, 0.6, 0.6), 0);
    assert.equal(inverseIncompleteBeta(1, 0.6, 0.6), 1);
  });
});

describe('sigmaToTimestep', () => {
  it('agrees with k-diffusion, also outside the table', () => {
    // Float32 logarithms in the original cost about 1e-3 where the table is densest.
    for (const [sigma, timestep] of goldens.sigmaToTimestep) {
      assertClose(sigmaToTimestep(sigma, noiseSchedule), timestep, 1e-3);
    }
  });

  it('is the inverse of timestepToSigma', () => {
    for (const timestep of [0, 0.25, 1, 123.456, 998.5, 999]) {
      assertClose(sigmaToTimestep(timestepToSigma(timestep, noiseSchedule), noiseSchedule), timestep, 1e-9);
    }
  });
});
