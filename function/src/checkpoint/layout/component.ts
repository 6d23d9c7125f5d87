import type { CheckpointFile } from '../tensor-source.ts';

/** The networks of a model, as the names of their tensors begin. */
export const componentPrefixes = {
  text_encoder: 'cond_stage_model.transformer.text_model.',
  unet: 'model.diffusion_model.',
  vae: 'first_stage_model.',
  /** No part of the original checkpoints; diffusers' folders have it beside them. */
  safety_checker: 'safety_checker.',
} as const;
export type CheckpointComponent = keyof typeof componentPrefixes;
export const checkpointComponents = Object.keys(componentPrefixes) as CheckpointComponent[];

/** A file and what it is meant to hold: the whole model, or one of its networks. */
export interface CheckpointPart {
  readonly holds: 'model' | CheckpointComponent;
  readonly file: CheckpointFile;
}

/** The name CompVis' code gives to a tensor; undefined for one that is no weight of the model. */
export type NameMap = (name: string) => string | undefined;

export function componentOf(name: string): CheckpointComponent | undefined {
  return checkpointComponents.find((component) => name.startsWith(componentPrefixes[component]));
}

/** Rewrites `name` by the first pattern that matches it as a whole. */
export function rewrite(name: string, rules: readonly (readonly [RegExp, string])[]): string | undefined {
  for (const [pattern, replacement] of rules) if (pattern.test(name)) return name.replace(pattern, replacement);
  return undefined;
}
