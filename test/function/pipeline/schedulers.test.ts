import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import {
  createNoiseSchedule,
  type SampleInput,
  type SamplerName,
  type ScheduleName,
  samplers,
} from '../../../function/src/pipeline/schedulers/index.ts';
import { toyNoisePredictor } from '../../fixtures/schedulers/toy-noise-predictor.ts';

interface Run {
  sampler: SamplerName;
  schedule: ScheduleName;
  steps: number;
  eta: number;
  /** Base64 of little-endian float32, the latents after each step. */
  trajectory: string;
}

interface Goldens {
  noise: number[];
  draws: number[][];
  runs: Run[];
}

const TOLERANCE = 1e-5;

const fixture = new URL('../../fixtures/schedulers/trajectories.json', import.meta.url);
const goldens = JSON.parse(readFileSync(fixture, 'utf8')) as Goldens;
const noiseSchedule = createNoiseSchedule({ timesteps: 1000, linearStart: 0.00085, linearEnd: 0.012 });

function decodeTrajectory(run: Run): Float32Array[] {
  const bytes = Buffer.from(run.trajectory, 'base64');
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const size = goldens.noise.length;
  return Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size));
}

function sampleInput(overrides: Partial<SampleInput> = {}): SampleInput {
  let draws = 0;
  return {
    noise: Float32Array.from(goldens.noise),
    steps: 5,
    schedule: 'ddim_uniform',
    eta: 0,
    noiseSchedule,
    predictNoise: toyNoisePredictor,
    drawNoise: () => Float32Array.from(goldens.draws[draws++] ?? []),
    ...overrides,
  };
}

/** The largest difference, as a share of the largest expected value or of 1. */
function relativeError(actual: Float32Array, expected: Float32Array): number {
  assert.equal(actual.length, expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs));
  return Math.max(...actual.map((value, i) => Math.abs(value - (expected[i] ?? Number.NaN)))) / scale;
}

describe('samplers follow the originals step by step', () => {
  for (const run of goldens.runs) {
    it(`${run.sampler}, ${run.schedule}, ${run.steps} steps, eta ${run.eta}`, async () => {
      const expected = decodeTrajectory(run);
      const sampler = samplers[run.sampler];
      let stepsSeen = 0;
      const final = await sampler.sample(
        sampleInput({
          steps: run.steps,
          schedule: run.schedule,
          eta: run.eta,
          onStep(step, steps, latents) {
            stepsSeen += 1;
            assert.equal(step, stepsSeen);
            assert.equal(steps, expected.length);
            const error = relativeError(latents, expected[step - 1] ?? new Float32Array());
            assert.ok(error <= TOLERANCE, `step ${step} is off by ${error}`);
          },
        }),
      );
      assert.equal(stepsSeen, expected.length);
      assert.equal(sampler.stepCount(run.steps), expected.length);
      const error = relativeError(final, expected.at(-1) ?? new Float32Array());
      assert.ok(error <= TOLERANCE, `the result is off by ${error}`);
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
      // DDIM and PLMS end at the first timestep's noise level, 0.03, so some of it stays.
      const leftover = sampler.defaultSchedule === 'ddim_uniform' ? 0.12 : 2e-3;
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

    it(`${name} rejects a schedule that is not its own`, async () => {
      const schedule = run.schedule === 'ddim_uniform' ? 'karras' : 'ddim_uniform';
      await assert.rejects(sampler.sample(sampleInput({ ...run, schedule })), RangeError);
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
