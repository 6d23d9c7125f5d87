import type { Phase, Warning } from '@safelight/sdk/contract';
import { FunctionError } from '../../errors.ts';
import type { Tensor } from '../../runtime/tensor.ts';
import type { DiffusionModel } from '../diffusion-model.ts';
import { toPixels } from '../image/encode-image.ts';
import { encodePrompts, type GuidingPrompts } from '../prompt/encode-prompt.ts';
import { readPrompt } from '../prompt/read-prompt.ts';
import { createNoiseGenerator } from '../random/noise-generator.ts';
import { applyPolicy } from '../safety/apply-policy.ts';
import type { InitialImage } from '../schedulers/sampler.ts';
import { type Pixels, toImage } from '../start/pixels.ts';
import { createBatchNoise } from './batch-noise.ts';
import { type BatchRequest, drawBatch } from './draw-batch.ts';

/** What a run of `txt2img` or `img2img` draws. */
export interface ScriptRun
  extends Pick<BatchRequest, 'width' | 'height' | 'sampler' | 'steps' | 'eta' | 'guidanceScale'> {
  /** Prompts of one batch after the other; none has more than `samples`. */
  batches: readonly (readonly string[])[];
  /** How often all batches are drawn. */
  iterations: number;
  /** Pictures that a batch draws noise for. */
  samples: number;
  seed: number;
  /** Whether all batches start from the same noise. */
  fixedCode: boolean;
  /** The picture to start from, of the size to be drawn. */
  start?: { picture: Pixels; strength: number };
  /** Whether pictures that the model's safety checker flags, where it has one, are made black. */
  checksSafety: boolean;
  signal?: AbortSignal;
  onPhase?: (phase: Phase) => void;
  onWarning?: (warning: Warning) => void;
}

/** A finished picture. */
export interface Sample {
  pixels: Pixels;
  isFlagged: boolean;
}

/**
 * Draws what CompVis' `scripts/txt2img.py` and `scripts/img2img.py` draw with the same seed on a GPU, batch by batch.
 * @throws FunctionError `invalid_input` for a model that wants more than latents and a prompt.
 */
export async function* runScript(model: DiffusionModel, run: ScriptRun): AsyncGenerator<Sample[]> {
  const { batches, samples, signal, onPhase } = run;
  const channels = model.config.vae.embed_dim;
  if (model.config.unet.in_channels !== channels) {
    const message = 'The checkpoint is an inpainting model, which the original scripts cannot draw with';
    throw new FunctionError('invalid_input', message, { field: 'ckpt' });
  }
  const noise = createBatchNoise(run.seed, (samples * channels * run.width * run.height) / 64);
  const startCode = run.fixedCode ? noise.draw() : undefined;
  const init = run.start && (await encodeBatch(model, run.start, run));
  const count = run.iterations * batches.length;
  for (let batch = 0; batch < count; batch += 1) {
    signal?.throwIfAborted();
    onPhase?.({ name: 'encoding' });
    const prompts = await readBatch(model, batches[batch % batches.length] ?? [], run);
    const latents = await drawBatch({
      ...run,
      model,
      prompts,
      noise,
      startCode,
      init,
      onStep(step, steps) {
        signal?.throwIfAborted();
        onPhase?.({ name: 'denoising', image: batch, count, step, steps });
      },
    });
    onPhase?.({ name: 'decoding', image: batch, count });
    const finished: Sample[] = [];
    for (const each of latents) finished.push(await finish(model, each, run.checksSafety));
    yield finished;
  }
}

/** Prompts as the original reads them: every character as it is, cut where it does not fit. */
async function readBatch(
  model: DiffusionModel,
  texts: readonly string[],
  { steps, onWarning }: ScriptRun,
): Promise<GuidingPrompts[]> {
  const known = new Map<string, GuidingPrompts>();
  for (const text of new Set(texts)) {
    const options = { syntax: 'plain', steps } as const;
    const prompt = readPrompt(model, 'prompt', text, options);
    const negative = readPrompt(model, 'negativePrompt', '', options);
    for (const warning of prompt.warnings) onWarning?.(warning);
    known.set(text, await encodePrompts(model, { prompt, negative }, 1));
  }
  return texts.map((text) => known.get(text) as GuidingPrompts);
}

/**
 * The latents of the picture to start from, once a picture of a batch: the place of each within what the encoder allows is
 * drawn on the CPU, where the original has drawn the random weights of a model before; the difference is not seen.
 *
 * Source: `DiagonalGaussianDistribution.sample` in CompVis/stable-diffusion.
 */
async function encodeBatch(
  model: DiffusionModel,
  { picture, strength }: NonNullable<ScriptRun['start']>,
  { seed, samples }: ScriptRun,
): Promise<InitialImage> {
  const { mean, deviation } = await model.encodeImage(toImage(picture));
  const values = mean.data.length;
  const place = createNoiseGenerator('cpu', seed).randn(samples * values);
  const at = ({ data }: Tensor, i: number) => data[i % values] as number;
  return { latents: place.map((value, i) => at(mean, i) + at(deviation, i) * value), strength };
}

async function finish(model: DiffusionModel, latents: Tensor, checksSafety: boolean): Promise<Sample> {
  const pixels = toPixels(await model.decodeLatents(latents));
  if (!checksSafety || model.checkSafety === undefined) return { pixels, isFlagged: false };
  const judged = await applyPolicy(pixels, await model.checkSafety(pixels), 'block');
  return { pixels: judged.pixels, isFlagged: judged.safety.isFlagged };
}
