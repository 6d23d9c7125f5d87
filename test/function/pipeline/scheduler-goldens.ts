import { readFileSync } from 'node:fs';
import {
  createNoiseSchedule,
  type SampleInput,
  type SamplerName,
  type ScheduleName,
  samplers,
} from '../../../function/src/pipeline/schedulers/index.ts';
import { defaultNoiseSettings, type NoiseSettings } from '../../../function/src/pipeline/schedulers/sampler.ts';
import { toyNoisePredictor } from '../../fixtures/schedulers/toy-noise-predictor.ts';

export interface Run {
  sampler: SamplerName;
  schedule: ScheduleName;
  steps: number;
  /** Absent, the sampler's own. */
  eta?: number;
  noise?: Partial<NoiseSettings>;
  strength?: number;
  masked?: boolean;
  /** Base64 of little-endian float32: for every call of the model the latents and the timestep in thousandths. */
  calls: string;
  /** Base64 of little-endian float32: the resulting latents. */
  final: string;
}

interface Goldens {
  noise: number[];
  draws: number[][];
  init: number[];
  mask: number[];
  runs: Run[];
  brownian: { seed: number; runs: Run[] };
}

const fixture = new URL('../../fixtures/schedulers/trajectories.json', import.meta.url);
export const goldens = JSON.parse(readFileSync(fixture, 'utf8')) as Goldens;
export const noiseSchedule = createNoiseSchedule({ timesteps: 1000, linearStart: 0.00085, linearEnd: 0.012 });

export function decode(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

export function sampleInput(overrides: Partial<SampleInput> = {}): SampleInput {
  let draws = 0;
  const drawNoise = () => Float32Array.from(goldens.draws[draws++ % goldens.draws.length] ?? []);
  return {
    noise: Float32Array.from(goldens.noise),
    steps: 5,
    schedule: 'ddim_uniform',
    eta: 0,
    noiseSchedule,
    predictNoise: toyNoisePredictor,
    drawNoise,
    createBrownianNoise: () => drawNoise,
    ...overrides,
  };
}

/** The input of a golden run; `calls` gathers what the model is asked. */
export function goldenInput(run: Run, calls: number[]): SampleInput {
  const { defaultEta } = samplers[run.sampler];
  const mask = run.masked ? { mask: Float32Array.from(goldens.mask) } : {};
  const latents = Float32Array.from(goldens.init);
  return sampleInput({
    steps: run.steps,
    schedule: run.schedule,
    eta: run.eta ?? defaultEta,
    noiseSettings: { ...defaultNoiseSettings, ...run.noise },
    ...(run.strength === undefined ? {} : { init: { latents, strength: run.strength, ...mask } }),
    predictNoise(latents, timestep) {
      calls.push(...latents, timestep / 1000);
      return toyNoisePredictor(latents, timestep);
    },
  });
}
