import type { Safety, SafetyPolicy } from '@safelight/sdk/contract';
import type { Pixels } from '../start/pixels.ts';
import { fromSharp, toSharp } from '../start/resize.ts';
import type { SafetyScores } from './judge.ts';

/** Standard deviation of the blur, as a part of the shorter side: what remains are patches of colour. */
const BLUR_SHARE = 1 / 8;

export interface Judged {
  /** What may be stored. */
  readonly pixels: Pixels;
  readonly safety: Safety;
}

/** Does with a picture what the policy says, if the safety checker flagged it. */
export async function applyPolicy(pixels: Pixels, scores: SafetyScores, policy: SafetyPolicy): Promise<Judged> {
  const safety = { ...scores, policy };
  if (!scores.isFlagged || policy === 'flag') return { pixels, safety };
  // As in diffusers: black.
  if (policy === 'block') return { pixels: { ...pixels, data: new Uint8Array(pixels.data.length) }, safety };
  const sigma = Math.max(1, Math.min(pixels.width, pixels.height) * BLUR_SHARE);
  return { pixels: await fromSharp(toSharp(pixels).blur(sigma)), safety };
}
