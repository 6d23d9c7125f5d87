import type { Tensor } from '../runtime/tensor.ts';

/** What the deep layers of the UNet said when all of it was computed: [prompts, channels, h/8, w/8]. */
export interface DeepFeatures {
  /** Absent, a prediction computes all of the UNet and puts it here; else it takes this and computes the last block only. */
  value?: Tensor;
}

/**
 * Of one run: which predictions compute all of the UNet, and what the others reuse (Ma et al. 2023, "DeepCache", § 3.3: every
 * N-th prediction is whole). Counted are predictions, so that samplers that look twice in a step reuse in the second look what
 * the first found, with an interval of 2. What was found for some prompts is of no use for others: where they change, or guidance
 * begins or ends, the prediction is whole, and those after it are counted from there.
 *
 * @param interval 1 reuses nothing.
 * @returns For the embeddings of the next prediction, what each run of the UNet that they take shares with that of the prediction before.
 */
export function createDeepCache(interval: number): (prompts: readonly Tensor[]) => readonly DeepFeatures[] {
  let known: readonly Tensor[] = [];
  let kept: readonly DeepFeatures[] = [];
  let sinceWhole = 0;
  return (prompts) => {
    if (interval === 1) return [];
    const isSame = prompts.length === known.length && prompts.every((embeddings, i) => embeddings === known[i]);
    sinceWhole = isSame ? (sinceWhole + 1) % interval : 0;
    if (sinceWhole === 0) {
      known = prompts;
      // A run takes one prompt at least.
      kept = prompts.map(() => ({}));
    }
    return kept;
  };
}
