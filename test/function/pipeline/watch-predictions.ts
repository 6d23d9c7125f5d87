import type { DiffusionModel } from '../../../function/src/pipeline/diffusion-model.ts';

/** The same model, which says before each run of its UNet what it is given. */
export const watchPredictions = (
  model: DiffusionModel,
  onPrediction: (...given: Parameters<DiffusionModel['predictNoise']>) => void,
): DiffusionModel => ({
  ...model,
  predictNoise(...given) {
    onPrediction(...given);
    return model.predictNoise(...given);
  },
});
