import { evenLevels } from '../schedulers/levels.ts';
import type { SampleInput } from '../schedulers/sampler.ts';
import { weightedSum } from '../schedulers/weighted-sum.ts';

/** Runs shorter than this end in a step of first order. */
const SHORT_RUN = 15;

/**
 * `--dpm_solver`: DPM-Solver++ in the form that the original script runs, which is not AUTOMATIC1111's "DPM++ 2M": even
 * timesteps down to the cleanest one, not to none, and a last step of first order in short runs only.
 *
 * Source: `DPM_Solver.sample(method='multistep', order=2)` and `multistep_dpm_solver_second_update` in
 * CompVis/stable-diffusion; Lu et al., "DPM-Solver++" (2022), algorithm 2.
 *
 * @throws RangeError for fewer than two steps, as the original does.
 */
export async function sampleDpmSolver({
  noise,
  steps,
  noiseSchedule,
  predictNoise,
  onStep,
}: Pick<SampleInput, 'noise' | 'steps' | 'noiseSchedule' | 'predictNoise' | 'onStep'>): Promise<Float32Array> {
  if (steps < 2) throw new RangeError('DPM-Solver takes at least two steps.');
  const [first, ...levels] = evenLevels(steps, noiseSchedule);
  let level = first as NonNullable<typeof first>;
  let latents = noise;
  let earlier: { picture: Float32Array; lambda: number } | undefined;
  for (const [i, next] of levels.entries()) {
    const noisePrediction = await predictNoise(latents, level.timestep);
    const picture = weightedSum([1 / level.alpha, latents], [-level.sigma / level.alpha, noisePrediction]);
    const h = next.lambda - level.lambda;
    const isLast = i + 1 === steps;
    let target = picture;
    if (earlier !== undefined && !(isLast && steps < SHORT_RUN)) {
      const r = (level.lambda - earlier.lambda) / h;
      target = weightedSum([1 + 1 / (2 * r), picture], [-1 / (2 * r), earlier.picture]);
    }
    latents = weightedSum([next.sigma / level.sigma, latents], [-next.alpha * Math.expm1(-h), target]);
    earlier = { picture, lambda: level.lambda };
    level = next;
    await onStep?.(i + 1, steps, latents);
  }
  return latents;
}
