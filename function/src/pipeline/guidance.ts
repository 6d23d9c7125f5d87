import type { GenerateSettings } from '@safelight/sdk/contract';
import { concat, row, type Tensor, tensor } from '../runtime/tensor.ts';
import { createDeepCache, type DeepFeatures } from './deep-cache.ts';
import type { DiffusionModel } from './diffusion-model.ts';
import type { GuidingPrompts, ScheduledEmbeddings } from './prompt/encode-prompt.ts';

/** Prompts that the UNet takes at once: bounds its memory where `AND` joins many. */
const BATCH = 4;

/** How a run's predictions of noise are counted, from 0. */
export interface PredictorOptions {
  /** Before this run, as prompts count. @defaultValue 0 */
  predictionsMade?: number;
  /** Whether a prediction of this run is guided; if not it is as with a scale of 1. @defaultValue all are */
  isGuided?: (prediction: number) => boolean;
  /** Every how many predictions all of the UNet is computed. @defaultValue 1 */
  deepCache?: number | undefined;
}

/** A prompt that says the same all the time. Embeddings [1, 77, width]. */
export function constantPrompts(conditional: Tensor, unconditional: Tensor): GuidingPrompts {
  const always = (embeddings: Tensor) => [{ until: Number.POSITIVE_INFINITY, embeddings }];
  return { conditional: [{ weight: 1, schedule: always(conditional) }], unconditional: always(unconditional) };
}

/**
 * Predicts noise with classifier-free guidance (Ho and Salimans 2022, eq. 6), towards several prompts at once if there
 * are (Liu et al. 2022, eq. 11): ε = ε_unconditional + Σ weight · guidanceScale · (ε_conditional − ε_unconditional).
 * A scale of 1 needs no unconditional half, so it costs half.
 *
 * Of one run, as prompts change with the number of predictions made: A1111 counts so, also where a step makes two.
 */
export function createGuidedPredictor(
  model: DiffusionModel,
  prompts: GuidingPrompts,
  guidanceScale: number,
  { predictionsMade = 0, isGuided = () => true, deepCache = 1 }: PredictorOptions = {},
) {
  let next = 0;
  const deepFeatures = createDeepCache(deepCache);
  return async (latents: Tensor, timestep: number): Promise<Tensor> => {
    const now = predictionsMade + next;
    const scale = isGuided(next) ? guidanceScale : 1;
    next += 1;
    const conditional = prompts.conditional.map((part) => embeddingsAt(part.schedule, now));
    const scales = prompts.conditional.map(({ weight }) => weight * scale);
    const [only] = conditional;
    if (only !== undefined && conditional.length === 1 && scales[0] === 1) {
      return model.predictNoise(latents, timestep, only, deepFeatures(conditional)[0]);
    }
    const unconditional = embeddingsAt(prompts.unconditional, now);
    const deep = deepFeatures([unconditional, ...conditional]);
    const [base, ...others] = await predictEach(model, latents, timestep, unconditional, conditional, deep);
    const directions = others.map(({ data }, i) => [data, scales[i] as number] as const);
    const guided = (base as Tensor).data.map((value, i) => {
      return directions.reduce((sum, [data, scale]) => sum + scale * ((data[i] as number) - value), value);
    });
    return tensor(guided, latents.dims);
  };
}

/**
 * Which predictions of a run are guided: those after `guidanceStart` and before `guidanceEnd`, as parts of the whole
 * (Kynkäänniemi et al. 2024). In A1111 "Skip Early CFG" is the start, counted in the same way: also the prediction that it falls on is
 * not guided. A run may make more predictions than it is said to; where it has no end, these are guided too.
 *
 * Source: A1111 `modules/sd_samplers_cfg_denoiser.py` (`skip_early_cond`).
 */
export function guidanceInterval(
  { guidanceStart = 0, guidanceEnd = 1 }: Pick<GenerateSettings, 'guidanceStart' | 'guidanceEnd'>,
  predictions: number,
): (prediction: number) => boolean {
  return (prediction) => {
    const part = prediction / predictions;
    return (guidanceStart === 0 || part > guidanceStart) && (guidanceEnd === 1 || part < guidanceEnd);
  };
}

function embeddingsAt(schedule: ScheduledEmbeddings, predictionsMade: number): Tensor {
  const current = schedule.find(({ until }) => predictionsMade <= until) ?? schedule.at(-1);
  return (current as { embeddings: Tensor }).embeddings;
}

/** The prediction for each prompt, the unconditional one first. Prompts of equal length share a run of the UNet. */
async function predictEach(
  model: DiffusionModel,
  latents: Tensor,
  timestep: number,
  unconditional: Tensor,
  conditional: readonly Tensor[],
  deep: readonly DeepFeatures[],
): Promise<Tensor[]> {
  const parts = toEqualLength(conditional);
  const isEqual = parts[0]?.dims[1] === unconditional.dims[1];
  const groups = isEqual ? inBatches([unconditional, ...parts]) : [[unconditional], ...inBatches(parts)];
  const predictions: Tensor[] = [];
  for (const [i, group] of groups.entries()) {
    const batch = await model.predictNoise(latents, timestep, concat(group), deep[i]);
    predictions.push(...group.map((_, i) => row(batch, i)));
  }
  return predictions;
}

/**
 * Prompts that `AND` joins, made as long as the longest by repeating their last embedding.
 *
 * Source: A1111 `modules/prompt_parser.py` (`stack_conds`).
 */
function toEqualLength(parts: readonly Tensor[]): Tensor[] {
  const positions = Math.max(...parts.map(({ dims }) => dims[1] ?? 0));
  return parts.map((part) => {
    const [, own = 0, width = 0] = part.dims;
    if (own === positions) return part;
    const data = new Float32Array(positions * width);
    data.set(part.data);
    const last = part.data.subarray((own - 1) * width);
    for (let position = own; position < positions; position += 1) data.set(last, position * width);
    return tensor(data, [1, positions, width]);
  });
}

function inBatches(tensors: readonly Tensor[]): Tensor[][] {
  const count = Math.ceil(tensors.length / BATCH);
  return Array.from({ length: count }, (_, i) => tensors.slice(i * BATCH, (i + 1) * BATCH));
}
