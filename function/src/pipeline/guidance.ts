import { concat, row, type Tensor } from '../runtime/tensor.ts';
import type { DiffusionModel } from './diffusion-model.ts';

export interface PromptEmbeddings {
  /** Of the prompt, [1, 77, width]. */
  readonly conditional: Tensor;
  /** Of the negative prompt, [1, 77, width]. */
  readonly unconditional: Tensor;
}

/**
 * Predicts noise with classifier-free guidance (Ho and Salimans 2022, eq. 6):
 * ε = ε_unconditional + guidanceScale · (ε_conditional − ε_unconditional).
 * A scale of 1 needs no unconditional half, so it costs half.
 */
export function createGuidedPredictor(model: DiffusionModel, prompts: PromptEmbeddings, guidanceScale: number) {
  if (guidanceScale === 1) {
    return (latents: Tensor, timestep: number) => model.predictNoise(latents, timestep, prompts.conditional);
  }
  const both = concat([prompts.unconditional, prompts.conditional]); // [2, 77, width]: unconditional first
  return async (latents: Tensor, timestep: number): Promise<Tensor> => {
    const predictions = await model.predictNoise(latents, timestep, both);
    const unconditional = row(predictions, 0).data;
    const conditional = row(predictions, 1).data;
    const data = unconditional.map((value, i) => value + guidanceScale * ((conditional[i] as number) - value));
    return { data, dims: latents.dims };
  };
}
