import { keepUnmasked } from './denoiser.ts';
import { evenLevels, type Level } from './levels.ts';
import { createSampler, type RunShape, type SampleInput, stepsOfStrength } from './sampler.ts';
import { weightedSum } from './weighted-sum.ts';

const MAX_ORDER = 3;

/**
 * UniPC (Zhao et al., "UniPC: a unified predictor-corrector framework", 2023), the variant B₁(h) of order 3 on evenly
 * spaced timesteps that A1111 runs: predicts a step from the last predictions of the picture, then corrects it with the
 * prediction made there, which it keeps for the next step.
 */
export const unipc = createSampler({
  name: 'unipc',
  label: 'UniPC',
  schedules: ['normal'],
  defaultSchedule: 'normal',
  usesEta: false,
  defaultEta: 0,
  noiseSettings: [],
  isSecondOrder: false,
  stepCount: (shape) => levelsOf(shape).length - 1,
  sample: sampleUnipc,
});

/** The picture as it was predicted at a level. */
interface Prediction {
  picture: Float32Array;
  level: Level;
}

async function sampleUnipc(input: SampleInput): Promise<Float32Array> {
  const { init, noise, predictNoise, onStep } = input;
  const [first, ...levels] = levelsOf(input) as [Level, ...Level[]];
  const steps = levels.length;
  let latents = init === undefined ? noise : weightedSum([first.alpha, init.latents], [first.sigma, noise]);

  async function predictAt(level: Level, at: Float32Array): Promise<Prediction> {
    const noisePrediction = await predictNoise(at, level.timestep);
    const picture = weightedSum([1 / level.alpha, at], [-level.sigma / level.alpha, noisePrediction]);
    return { picture: keepUnmasked(picture, init), level };
  }

  let earlier = [await predictAt(first, latents)]; // newest first
  for (const [i, level] of levels.entries()) {
    // As much as there is to look back on, and less again towards the end.
    const order = Math.min(MAX_ORDER, i + 1, steps - i, earlier.length);
    const step = prepareStep(latents, earlier.slice(0, order) as [Prediction, ...Prediction[]], level);
    latents = step.predict();
    if (i + 1 < steps) {
      const predicted = await predictAt(level, latents);
      latents = step.correct(predicted);
      earlier = [predicted, ...earlier.slice(0, MAX_ORDER - 1)];
    }
    await onStep?.(i + 1, steps, latents);
  }
  return latents;
}

/** The levels of a run, noisiest first: one more than steps. A run from an image starts further down. */
function levelsOf({ steps, noiseSchedule, init }: RunShape): Level[] {
  const start = init === undefined ? 0 : Math.max(steps - stepsOfStrength(steps, init.strength) - 1, 0);
  return evenLevels(steps, noiseSchedule).slice(start);
}

/**
 * One step to `level`, of as high an order as there are predictions: the paper's algorithms 1 and 2.
 *
 * @param latents At the level of the newest prediction.
 * @param predictions Newest first.
 */
function prepareStep(latents: Float32Array, predictions: readonly [Prediction, ...Prediction[]], level: Level) {
  const [newest, ...older] = predictions;
  const order = predictions.length;
  const h = level.lambda - newest.level.lambda;
  const ratios = older.map((prediction) => (prediction.level.lambda - newest.level.lambda) / h);
  const slopes = older.map((prediction, k) => {
    const ratio = ratios[k] as number;
    return weightedSum([1 / ratio, prediction.picture], [-1 / ratio, newest.picture]);
  });
  const moments = momentsOf(h, order);
  const firstOrder = weightedSum(
    [level.sigma / newest.level.sigma, latents],
    [-level.alpha * Math.expm1(-h), newest.picture],
  );
  // B₁(h) = −h, so what the slopes add is −α · −h · Σ ρ · slope.
  const add = (weights: readonly number[], terms: readonly Float32Array[]) => {
    const scaled = terms.map((term, k) => [level.alpha * h * (weights[k] as number), term] as const);
    return weightedSum([1, firstOrder], ...scaled);
  };

  return {
    predict(): Float32Array {
      // The authors simplify order 2.
      return add(order === 2 ? [0.5] : solveMoments(ratios, moments.slice(0, -1)), slopes);
    },
    correct({ picture }: Prediction): Float32Array {
      const change = weightedSum([1, picture], [-1, newest.picture]);
      return add(order === 1 ? [0.5] : solveMoments([...ratios, 1], moments), [...slopes, change]);
    },
  };
}

/** k! · φₖ₊₁(−h) · (−h) / B(h) for k = 1 … order: what the weighted powers of the ratios must add up to. */
function momentsOf(h: number, order: number): number[] {
  const moments: number[] = [];
  let factorial = 1;
  let phi = Math.expm1(-h) / -h - 1;
  for (let k = 1; k <= order; k += 1) {
    moments.push((phi * factorial) / -h);
    factorial *= k + 1;
    phi = phi / -h - 1 / factorial;
  }
  return moments;
}

/** Weights ρ with Σ ρₖ · ratioₖⁱ = momentᵢ for i = 0, 1, …: a Vandermonde system, by elimination. */
function solveMoments(ratios: readonly number[], moments: readonly number[]): number[] {
  const rows = moments.map((moment, i) => [...ratios.map((ratio) => ratio ** i), moment]);
  for (const [i, pivot] of rows.entries()) {
    for (const other of rows) {
      if (other === pivot) continue;
      const factor = (other[i] as number) / (pivot[i] as number);
      for (const [k, value] of pivot.entries()) other[k] = (other[k] as number) - factor * value;
    }
  }
  return rows.map((row, i) => (row.at(-1) as number) / (row[i] as number));
}
