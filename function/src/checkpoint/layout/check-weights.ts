import type { ModelConfig } from '../../graphs/model-config.ts';
import type { CanonicalWeights } from './canonical-weights.ts';
import { checkpointComponents, componentOf, componentPrefixes } from './component.ts';
import { expectedWeights } from './expected-weights.ts';

/** Text to image; inpainting, with the mask and the masked picture beside the latents. */
const KNOWN_IN_CHANNELS = [4, 9];

export interface WeightsCheck {
  /** Canonical names of weights the model needs and does not have. */
  readonly missing: readonly string[];
  /** Canonical names of weights that no layer of the model has. */
  readonly surplus: readonly string[];
  /** What is wrong, as the rest of a sentence that begins with the file; undefined when the model is whole. */
  readonly problem: string | undefined;
}

/** Holds what the files have against what a model of this configuration needs. */
export function checkWeights({ weights }: Pick<CanonicalWeights, 'weights'>, config: ModelConfig): WeightsCheck {
  const expected = expectedWeights(config);
  const missing = [...expected.keys()].filter((name) => !weights.has(name));
  const surplus = [...weights.keys()].filter((name) => !expected.has(name));
  const problem =
    findAbsentComponent(missing, expected) ??
    findMisshapen(weights, expected) ??
    describeMissing(missing) ??
    findUnfit(config);
  return { missing, surplus, problem };
}

function findAbsentComponent(missing: readonly string[], expected: ReadonlyMap<string, unknown>): string | undefined {
  const absent = new Set(missing);
  for (const component of checkpointComponents) {
    const all = [...expected.keys()].filter((name) => componentOf(name) === component);
    if (all.length === 0 || !all.every((name) => absent.has(name))) continue;
    const remedy = component === 'vae' ? ': give one in a file of its own' : '';
    return `has no ${componentNames[component]} (${componentPrefixes[component]}*)${remedy}`;
  }
  return undefined;
}

function describeMissing([first, ...rest]: readonly string[]): string | undefined {
  if (first === undefined) return undefined;
  const others = rest.length > 0 ? ` and ${rest.length} more` : '';
  return `is not a whole Stable Diffusion v1 model: it lacks tensor ${first}${others}`;
}

function findMisshapen(
  weights: CanonicalWeights['weights'],
  expected: ReadonlyMap<string, readonly number[]>,
): string | undefined {
  for (const [name, shape] of expected) {
    const actual = weights.get(name)?.info.shape ?? shape;
    if (actual.join() !== shape.join()) {
      return `is damaged or of another kind: tensor ${name} has the shape [${actual}] where the others ask for [${shape}]`;
    }
  }
  return undefined;
}

/** Networks that are whole, each for itself, and yet no v1 model together. */
function findUnfit(config: ModelConfig): string | undefined {
  const { in_channels, context_dim } = config.unet;
  if (!KNOWN_IN_CHANNELS.includes(in_channels)) {
    return `has a UNet with ${in_channels} input channels, which is neither for text to image (4) nor for inpainting (9)`;
  }
  if (context_dim !== config.text.width) {
    return `has a UNet for prompts of width ${context_dim} and a text encoder of width ${config.text.width}`;
  }
  return undefined;
}

const componentNames = {
  text_encoder: 'text encoder',
  unet: 'UNet',
  vae: 'VAE',
  safety_checker: 'safety checker',
} as const;
