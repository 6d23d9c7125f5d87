import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBrownianNoise } from '../../../function/src/pipeline/random/brownian-noise.ts';
import { type SampleInput, type SamplerName, samplers } from '../../../function/src/pipeline/schedulers/index.ts';
import { defaultNoiseSettings } from '../../../function/src/pipeline/schedulers/sampler.ts';
import { toyNoisePredictor } from '../../fixtures/schedulers/toy-noise-predictor.ts';
import { decode, goldenInput, goldens, noiseSchedule, type Run, sampleInput } from './scheduler-goldens.ts';

const TOLERANCE = 1e-5;
/** The original takes logarithms and exponentials in float32. */
const TOLERANCES: Partial<Record<SamplerName, number>> = { dpmpp_2s_a: 3e-5 };
/**
 * The motion is the same to the bit, but the times at which it is looked at are noise levels, which differ in the last
 * bit of a float32, and Brownian motion is rough: 1e-6 of time is 1e-3 of noise.
 */
const BROWNIAN_TOLERANCE = 1e-3;

/** The largest difference, as a share of the largest expected value or of 1. */
function relativeError(actual: ArrayLike<number>, expected: Float32Array): number {
  assert.equal(actual.length, expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs));
  return Math.max(0, ...expected.map((value, i) => Math.abs(value - (actual[i] ?? Number.NaN)))) / scale;
}

function nameOf({ calls, final, noise, ...run }: Run): string {
  return JSON.stringify({ ...run, ...noise });
}

describe('samplers ask the model what the originals ask, and come to the same result', () => {
  for (const run of goldens.runs) {
    it(nameOf(run), async () => {
      const sampler = samplers[run.sampler];
      const calls: number[] = [];
      const input = goldenInput(run, calls);
      let reported: Float32Array | undefined;
      let stepsSeen = 0;
      const final = await sampler.sample({
        ...input,
        onStep(step, steps, latents) {
          stepsSeen += 1;
          assert.equal(step, stepsSeen);
          assert.equal(steps, sampler.stepCount(input));
          reported = latents;
        },
      });
      assert.equal(stepsSeen, sampler.stepCount(input));
      if (stepsSeen > 0) assert.equal(reported, final);
      const callsError = relativeError(calls, decode(run.calls));
      const tolerance = TOLERANCES[run.sampler] ?? TOLERANCE;
      assert.ok(callsError <= tolerance, `a call is off by ${callsError}`);
      const error = relativeError(final, decode(run.final));
      assert.ok(error <= tolerance, `the result is off by ${error}`);
    });
  }

  it('each on every schedule it takes', () => {
    for (const { name, schedules } of Object.values(samplers)) {
      if (name === 'lcm') continue; // the reference, diffusers, has one
      for (const schedule of schedules) {
        assert.ok(
          goldens.runs.some((run) => run.sampler === name && run.schedule === schedule),
          `${name} on ${schedule}`,
        );
      }
    }
  });
});

describe('samplers with Brownian noise from a seed', () => {
  for (const run of goldens.brownian.runs) {
    it(`come to the result of k-diffusion with torchsde: ${nameOf(run)}`, async (t) => {
      const calls: number[] = [];
      const final = await samplers[run.sampler].sample({
        ...goldenInput(run, calls),
        createBrownianNoise: (sigmaMin, sigmaMax) =>
          createBrownianNoise({ kind: 'cpu', seed: goldens.brownian.seed, count: 8, sigmaMin, sigmaMax }),
      });
      const error = relativeError(final, decode(run.final));
      t.diagnostic(
        `off by ${error.toExponential(1)}, calls by ${relativeError(calls, decode(run.calls)).toExponential(1)}`,
      );
      assert.ok(error <= BROWNIAN_TOLERANCE, `the result is off by ${error}`);
    });
  }
});

describe('every sampler', () => {
  for (const [name, sampler] of Object.entries(samplers)) {
    const run = { schedule: sampler.defaultSchedule, eta: sampler.defaultEta };

    it(`${name} is registered under its own name`, () => assert.equal(sampler.name, name));

    it(`${name} leaves the starting noise as it was`, async () => {
      const input = sampleInput(run);
      await sampler.sample(input);
      assert.deepEqual(input.noise, Float32Array.from(goldens.noise));
    });

    it(`${name} stops as soon as onStep throws`, async () => {
      const stop = new Error('canceled');
      let calls = 0;
      const sampling = sampler.sample(
        sampleInput({
          ...run,
          steps: 20,
          async onStep() {
            calls += 1;
            if (calls === 2) throw stop;
          },
        }),
      );
      await assert.rejects(sampling, stop);
      assert.equal(calls, 2);
    });

    it(`${name} passes on a failure of the model`, async () => {
      const failure = new Error('out of memory');
      const predictNoise = () => Promise.reject(failure);
      await assert.rejects(sampler.sample(sampleInput({ ...run, predictNoise })), failure);
    });

    it(`${name} recovers the image from a perfect noise prediction in 1000 steps`, async () => {
      const image = new Float32Array([0.5, -1, 0.25, 0, 1.5, -0.75, 2, -2]);
      // The noise that makes these latents out of the image, at any timestep.
      const predictNoise: SampleInput['predictNoise'] = async (latents, timestep) => {
        const low = Math.floor(timestep);
        const weight = timestep - low;
        const at = (i: number) => Math.log(noiseSchedule.sigmas[Math.min(i, 999)] ?? Number.NaN);
        const sigma = Math.exp((1 - weight) * at(low) + weight * at(low + 1));
        const alphaRoot = 1 / Math.sqrt(sigma ** 2 + 1);
        return latents.map((value, i) => (value / alphaRoot - (image[i] ?? Number.NaN)) / sigma);
      };
      let draws = 0;
      const final = await sampler.sample(
        sampleInput({
          ...run,
          steps: 1000,
          predictNoise,
          drawNoise: () => image.map(() => Math.SQRT2 * Math.sin(draws++)),
        }),
      );
      // DDIM, PLMS and UniPC end at the first timestep's noise level, 0.03, so some of it stays.
      const leftover = ['ddim', 'plms', 'unipc'].includes(name) ? 0.12 : 3e-3;
      const error = Math.max(...final.map((value, i) => Math.abs(value - (image[i] ?? Number.NaN))));
      assert.ok(error < leftover, `off by ${error}`);
    });

    for (const steps of [0, -1, 2.5, Number.NaN]) {
      it(`${name} rejects ${steps} steps`, async () => {
        await assert.rejects(sampler.sample(sampleInput({ ...run, steps })), RangeError);
      });
    }

    for (const eta of [-0.1, 1.1, Number.NaN, ...(sampler.usesEta ? [] : [0.5])]) {
      it(`${name} rejects an eta of ${eta}`, async () => {
        await assert.rejects(sampler.sample(sampleInput({ ...run, eta })), RangeError);
      });
    }

    if (!sampler.schedules.includes('karras')) {
      it(`${name} rejects schedules that are not its own`, async () => {
        await assert.rejects(sampler.sample(sampleInput({ ...run, schedule: 'karras' })), RangeError);
      });
    }

    for (const [setting, value] of [
      ['sChurn', 1],
      ['sTmin', 1],
      ['sTmax', 1],
      ['sNoise', 1.1],
    ] as const) {
      const isTaken = sampler.noiseSettings.includes(setting);
      it(`${name} ${isTaken ? 'takes' : 'rejects'} ${setting}`, async () => {
        const sampling = sampler.sample(
          sampleInput({ ...run, noiseSettings: { ...defaultNoiseSettings, [setting]: value } }),
        );
        await (isTaken ? sampling : assert.rejects(sampling, RangeError));
      });
    }

    it(`${name} gives the picture back where a mask says so`, async () => {
      const latents = Float32Array.from(goldens.init);
      const mask = latents.map((_, i) => (i < 4 ? 0 : 1));
      const final = await sampler.sample(
        sampleInput({
          ...run,
          steps: 10,
          init: { latents, strength: 0.98, mask },
          drawNoise: () => latents.map(() => 0),
        }),
      );
      const kept = Math.max(...latents.subarray(0, 4).map((value, i) => Math.abs(value - (final[i] ?? Number.NaN))));
      // Where a run ends at the first timestep's noise level, the caller puts the last of the picture back.
      assert.ok(kept < (['ddim', 'plms', 'unipc'].includes(name) ? 0.1 : 1e-5), `off by ${kept}`);
    });
  }
});

describe('model calls', () => {
  async function timestepsOf(name: SamplerName, steps: number): Promise<number[]> {
    const timesteps: number[] = [];
    await samplers[name].sample(
      sampleInput({
        steps,
        schedule: samplers[name].defaultSchedule,
        async predictNoise(latents, timestep) {
          timesteps.push(timestep);
          return toyNoisePredictor(latents, timestep);
        },
      }),
    );
    return timesteps;
  }

  it('DDIM visits the timesteps of the original, noisiest first', async () => {
    assert.deepEqual(await timestepsOf('ddim', 5), [801, 601, 401, 201, 1]);
  });

  it('PLMS predicts twice in its first step, the second time at the next timestep', async () => {
    assert.deepEqual(await timestepsOf('plms', 5), [801, 601, 601, 401, 201, 1]);
  });

  it('PLMS with one step predicts twice at the same timestep', async () => {
    assert.deepEqual(await timestepsOf('plms', 1), [1, 1]);
  });

  it('Euler starts at the noisiest timestep and ends at the cleanest', async () => {
    assert.deepEqual(await timestepsOf('euler', 4), [999, 666, 333, 0]);
  });

  it('LCM visits the timesteps that diffusers 0.31 picks of the fifty distilled at, for every number of steps', async () => {
    assert.deepEqual(await timestepsOf('lcm', 4), [999, 759, 499, 259]);
    for (let steps = 1; steps <= 50; steps += 1) {
      const picked = Array.from({ length: steps }, (_, i) => 999 - 20 * Math.floor((50 * i) / steps));
      assert.deepEqual(await timestepsOf('lcm', steps), picked);
    }
  });

  it('Euler a draws noise in every step but the last', async () => {
    let draws = 0;
    await samplers.euler_a.sample(
      sampleInput({
        schedule: 'normal',
        eta: 1,
        steps: 6,
        drawNoise() {
          draws += 1;
          return new Float32Array(goldens.noise.length);
        },
      }),
    );
    assert.equal(draws, 5);
  });
});
