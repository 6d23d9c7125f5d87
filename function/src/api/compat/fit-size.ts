import { type ModelInfo, SIZE_STEP } from '@safelight/sdk/contract';

export interface Size {
  width: number;
  height: number;
}

const toStep = (pixels: number, { minSize, maxSize }: ModelInfo['limits']): number => {
  const [least, most] = [Math.ceil(minSize / SIZE_STEP), Math.floor(maxSize / SIZE_STEP)];
  return Math.min(Math.max(Math.round(pixels / SIZE_STEP), least), most) * SIZE_STEP;
};

/** As many pixels as the model was trained at, in the shape of a size. */
export const fitShape = ({ width, height }: Size, { limits, defaults }: ModelInfo): Size => {
  const scale = Math.sqrt((defaults.width * defaults.height) / (width * height));
  return { width: toStep(width * scale, limits), height: toStep(height * scale, limits) };
};

/** A size that the model can draw: the one asked for, or where that is too large, {@link fitShape}. */
export const fitSize = (size: Size, model: ModelInfo): Size => {
  const { maxSize } = model.limits;
  if (Math.max(size.width, size.height) > maxSize) return fitShape(size, model);
  return { width: toStep(size.width, model.limits), height: toStep(size.height, model.limits) };
};
