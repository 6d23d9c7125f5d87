import type { Value } from './graph-builder.ts';
import { type Layers, repeatForPrompts } from './layers/layers.ts';

export interface SpatialTransformerOptions {
  channels: number;
  heads: number;
  depth: number;
  contextDim: number;
}

/**
 * Lets every place of the picture look at every other and at the prompt (CompVis `SpatialTransformer`).
 * `x` feature map of [batch, channels, h, w], `context` [prompts, tokens, contextDim] → [prompts, channels, h, w].
 */
export function spatialTransformer(
  layers: Layers,
  prefix: string,
  x: Value,
  context: Value,
  options: SpatialTransformerOptions,
): Value {
  const { channels, depth } = options;
  const normalized = layers.groupNorm(`${prefix}.norm`, x, channels, { epsilon: 1e-6, silu: false });
  const projected = layers.conv(`${prefix}.proj_in`, normalized, channels, channels, { kernel: 1 });
  let tokens = layers.imageToTokens(projected); // [n, h·w, channels]
  for (let block = 0; block < depth; block += 1) {
    tokens = transformerBlock(layers, `${prefix}.transformer_blocks.${block}`, tokens, context, options);
  }
  const image = layers.tokensToImage(tokens, projected);
  return layers.g.node('Add', [x, layers.conv(`${prefix}.proj_out`, image, channels, channels, { kernel: 1 })]);
}

function transformerBlock(
  layers: Layers,
  prefix: string,
  tokens: Value,
  context: Value,
  { channels, heads, contextDim }: SpatialTransformerOptions,
): Value {
  const { g } = layers;
  const norm = (name: string, x: Value) => layers.layerNorm(`${prefix}.${name}`, x, channels);
  const names = (name: string) => ({
    q: `${prefix}.${name}.to_q`,
    k: `${prefix}.${name}.to_k`,
    v: `${prefix}.${name}.to_v`,
  });
  const project = (name: string, x: Value) => layers.linear(`${prefix}.${name}.to_out.0`, x, channels, channels);

  const attended = layers.selfAttention(names('attn1'), norm('norm1', tokens), channels, heads);
  let x = repeatForPrompts(g, g.node('Add', [tokens, project('attn1', attended)]), context, 3);
  const dims = { width: channels, contextWidth: contextDim, heads };
  const informed = layers.crossAttention(names('attn2'), norm('norm2', x), context, dims);
  x = g.node('Add', [x, project('attn2', informed)]);
  const inner = 4 * channels;
  const gated = layers.geglu(`${prefix}.ff.net.0.proj`, norm('norm3', x), channels, inner);
  return g.node('Add', [x, layers.linear(`${prefix}.ff.net.2`, gated, inner, channels)]);
}
