import type { GenerateSettings } from '@safelight/sdk/contract';
import { stableDiffusionV1 } from './graphs/model-config.ts';
import { type GridEntry, gridPairs } from './grid.ts';
import { createDeepCache } from './pipeline/deep-cache.ts';
import { changed } from './pipeline/grid/grid-cells.ts';
import { guidanceInterval } from './pipeline/guidance.ts';
import { predictionCount, predictionsMade, resolveSampler } from './pipeline/resolve-sampler.ts';
import { hiresSize, secondRunOf } from './pipeline/resolve-start.ts';
import { createNoiseSchedule, samplers } from './pipeline/schedulers/index.ts';
import { tensor } from './runtime/tensor.ts';

/** How much there is to compute for a job: what its time grows with. */
export interface Work {
  /** Evaluations of the UNet for one prompt, each times the pixels that it draws, and more where they are many. */
  denoised: number;
  /** Pixels of the finished pictures. */
  decoded: number;
}

/** What a prediction that reuses deep features takes of a whole one, measured: docs/benchmarks.md. */
const REUSING = 0.1;

/** Pixels that attention, which grows with their square, takes as long for as all else, measured: docs/benchmarks.md. */
const EQUAL_PIXELS = 983 ** 2;

/** Of Stable Diffusion v1: all that depends on the levels here is where Restart goes back to. */
const { timesteps, linear_start: linearStart, linear_end: linearEnd } = stableDiffusionV1.diffusion;
const noiseSchedule = createNoiseSchedule({ timesteps, linearStart, linearEnd });

/** Stand for what the UNet is asked: who they are is all that counts. */
const nothing = tensor(new Float32Array(), [0]);
const conditional = { ...nothing };
const unconditional = { ...nothing };

/**
 * What resolved settings ask for. Prompts do not count: those that are joined by `AND`, or change on the way with `deepCache`,
 * take more. The sheet of a grid takes next to nothing.
 */
export function workOf(settings: GenerateSettings): Work {
  const { count, grid } = settings;
  const pictures = grid === undefined ? [settings] : gridPairs(grid).map((pair) => cellOf(settings, pair));
  const denoised = pictures.reduce((sum, picture) => sum + denoisedBy(picture), 0);
  return { denoised: count * denoised, decoded: count * pictures.length * area(hiresSize(settings)) };
}

/** As far as it decides the work. */
function cellOf(settings: GenerateSettings, pair: { column: GridEntry; row: GridEntry }): GenerateSettings {
  const cell = changed(settings, pair);
  return { ...cell, ...resolveSampler(cell, { defaults: settings }) };
}

function denoisedBy(settings: GenerateSettings): number {
  const { hires, strength } = settings;
  const first = evaluations(settings, strength) * evaluationOf(settings);
  if (hires === undefined || hires.strength === 0) return first;
  const second = secondRunOf(settings, hires);
  return first + evaluations(second.settings, second.strength) * evaluationOf(second.settings);
}

function evaluationOf(settings: GenerateSettings): number {
  const pixels = area(settings);
  return pixels * (1 + pixels / EQUAL_PIXELS);
}

/** Of one run, as `createGuidedPredictor` makes them. @param strength Absent, it starts from noise alone. */
function evaluations(settings: GenerateSettings, strength: number | undefined): number {
  const { sampler, steps, guidanceScale, deepCache = 1 } = settings;
  // Beta has as many levels as normal, between the same ends, and takes a hundred milliseconds for a thousand of them.
  const schedule = settings.schedule === 'beta' ? 'normal' : settings.schedule;
  const init = strength === undefined ? {} : { init: { latents: nothing.data, strength } };
  const run = { sampler, steps: samplers[sampler].stepCount({ steps, schedule, noiseSchedule, ...init }) };
  const isGuided = guidanceInterval(settings, predictionCount(run));
  const deepFeatures = createDeepCache(deepCache);
  const made = predictionsMade(run);
  let sum = 0;
  for (let prediction = 0; prediction < made; prediction += 1) {
    const prompts = guidanceScale !== 1 && isGuided(prediction) ? [unconditional, conditional] : [conditional];
    const [deep] = deepFeatures(prompts);
    sum += prompts.length * (deep?.value === undefined ? 1 : REUSING);
    if (deep !== undefined) deep.value = nothing;
  }
  return sum;
}

const area = ({ width, height }: Pick<GenerateSettings, 'width' | 'height'>): number => width * height;
