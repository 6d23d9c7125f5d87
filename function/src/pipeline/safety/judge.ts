/** How close a picture comes to concepts, and how close is allowed: cosine similarities. */
export interface Similarities {
  readonly concepts: ArrayLike<number>;
  readonly conceptThresholds: ArrayLike<number>;
  readonly special: ArrayLike<number>;
  readonly specialThresholds: ArrayLike<number>;
}

/** Above 0 is closer than allowed. */
export interface SafetyScores {
  readonly isFlagged: boolean;
  readonly conceptScores: number[];
  readonly specialCareScores: number[];
}

/** What a concept that asks for special care adds to the scores that are counted after it. */
const SPECIAL_ADJUSTMENT = 0.01;

/**
 * The verdict of the original safety checker: a picture is flagged when any concept's score, rounded to three decimals,
 * is above 0.
 *
 * Source: diffusers `pipelines/stable_diffusion/safety_checker.py`.
 */
export function judge({ concepts, conceptThresholds, special, specialThresholds }: Similarities): SafetyScores {
  let adjustment = 0;
  const specialCareScores = Array.from(special, (similarity, i) => {
    const score = round(similarity - (specialThresholds[i] as number) + adjustment);
    if (score > 0) adjustment = SPECIAL_ADJUSTMENT;
    return score;
  });
  const conceptScores = Array.from(concepts, (similarity, i) =>
    round(similarity - (conceptThresholds[i] as number) + adjustment),
  );
  return { isFlagged: conceptScores.some((score) => score > 0), conceptScores, specialCareScores };
}

/** To three decimals; never -0. */
function round(score: number): number {
  return Math.round(score * 1000) / 1000 + 0;
}
