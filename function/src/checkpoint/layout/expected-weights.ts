import type { ModelConfig } from '../../graphs/model-config.ts';
import { buildSafetyChecker } from '../../graphs/safety-checker.ts';
import { buildTextEncoder } from '../../graphs/text-encoder.ts';
import { buildUnet } from '../../graphs/unet.ts';
import { buildVaeDecoder, buildVaeEncoder } from '../../graphs/vae.ts';

/** The weights a model of this configuration has, with their shapes: those its graphs ask for. */
export function expectedWeights(config: ModelConfig): Map<string, readonly number[]> {
  const graphs = [
    buildTextEncoder(config.text),
    buildUnet(config.unet),
    buildVaeDecoder(config.vae),
    buildVaeEncoder(config.vae),
    ...(config.safety === undefined ? [] : [buildSafetyChecker(config.safety)]),
  ];
  const stored = graphs.flatMap(({ weights }) => weights.flatMap(({ sources }) => sources));
  return new Map(stored.map(({ name, shape }) => [name, shape]));
}
