import { heunStep } from './heun.ts';
import { createSigmaSampler, type SigmaRun } from './sigma-sampler.ts';
import { karrasBetween } from './sigma-schedules.ts';
import { weightedSum } from './weighted-sum.ts';

/** Below this many steps there are no restarts. */
const MIN_STEPS = 20;
/** From this many steps on there are two restarts, each of a quarter of the steps. */
const TWO_RESTARTS_FROM = 36;
/** A restart goes from the level nearest to the low σ back to the one nearest to the high σ. */
const RESTART_FROM_SIGMA = 0.1;
const RESTART_TO_SIGMA = 2;

/**
 * Restart sampling (Xu et al., "Restart sampling for improving generative processes", 2023): Heun's method, which from
 * 20 steps on goes back to a higher noise level once or twice. As A1111's `restart_sampler` chooses the restarts; from
 * 20 steps on the levels are Karras' between the ends of the schedule.
 */
export const restart = createSigmaSampler(
  {
    name: 'restart',
    label: 'Restart',
    defaultSchedule: 'karras',
    noiseSettings: ['sNoise'],
    isSecondOrder: true,
    countSteps: (sigmas) => restartSteps(sigmas).length,
  },
  sampleRestart,
);

async function sampleRestart(run: SigmaRun): Promise<Float32Array> {
  let { latents } = run;
  let reached: number | undefined;
  for (const [sigma, sigmaNext] of restartSteps(run.sigmas)) {
    if (reached !== undefined && reached < sigma) {
      latents = weightedSum([1, latents], [run.sNoise * Math.sqrt(sigma ** 2 - reached ** 2), run.drawNoise()]);
    }
    latents = await heunStep(run.denoise, latents, sigma, sigmaNext);
    reached = sigmaNext;
    await run.report(latents);
  }
  return latents;
}

type Step = readonly [sigma: number, sigmaNext: number];

/** The way down with its restarts, as pairs of levels. */
function restartSteps(sigmas: Float64Array): Step[] {
  const steps = sigmas.length - 1;
  if (steps < MIN_STEPS) return pairs(sigmas);
  const isLong = steps >= TWO_RESTARTS_FROM;
  const times = isLong ? 2 : 1;
  const stepsEach = isLong ? Math.floor(steps / 4) : 9;
  const levels = karrasBetween(steps - stepsEach * times, sigmas.at(-2) as number, sigmas[0] as number);
  const low = nearest(levels, RESTART_FROM_SIGMA);
  const high = nearest(levels, RESTART_TO_SIGMA);
  const way = pairs(levels);
  if (high >= low) return way;
  const again = pairs(karrasBetween(stepsEach + 1, levels[low] as number, levels[high] as number).subarray(0, -1));
  return [...way.slice(0, low), ...Array.from({ length: times }, () => again).flat(), ...way.slice(low)];
}

function pairs(sigmas: Float64Array): Step[] {
  return Array.from(sigmas.subarray(0, -1), (sigma, i) => [sigma, sigmas[i + 1] as number]);
}

function nearest(sigmas: Float64Array, target: number): number {
  let best = 0;
  for (const [i, sigma] of sigmas.entries()) {
    if (Math.abs(sigma - target) < Math.abs((sigmas[best] as number) - target)) best = i;
  }
  return best;
}
