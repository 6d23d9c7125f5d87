import type { GraphBuilder, Value } from './graph-builder.ts';
import { attention, conv, groupNorm, imageToTokens, layerNorm, linear, tokensToImage } from './layers.ts';

export interface SpatialTransformerOptions {
  channels: number;
  heads: number;
  depth: number;
  contextDim: number;
}

/**
 * Lets every place of the picture look at every other and at the prompt (CompVis `SpatialTransformer`).
 * `x` [batch, channels, h, w], `context` [prompts, tokens, contextDim] → [prompts, channels, h, w].
 */
export function spatialTransformer(
  g: GraphBuilder,
  prefix: string,
  x: Value,
  context: Value,
  options: SpatialTransformerOptions,
): Value {
  const { channels, depth } = options;
  const normalized = groupNorm(g, `${prefix}.norm`, x, channels, 1e-6);
  const projected = conv(g, `${prefix}.proj_in`, normalized, channels, channels, { kernel: 1 });
  let tokens = imageToTokens(g, projected); // [n, h·w, channels]
  for (let block = 0; block < depth; block += 1) {
    tokens = transformerBlock(g, `${prefix}.transformer_blocks.${block}`, tokens, context, options);
  }
  const image = tokensToImage(g, tokens, projected);
  return g.node('Add', [x, conv(g, `${prefix}.proj_out`, image, channels, channels, { kernel: 1 })]);
}

function transformerBlock(
  g: GraphBuilder,
  prefix: string,
  tokens: Value,
  context: Value,
  { channels, heads, contextDim }: SpatialTransformerOptions,
): Value {
  const attend = (name: string, queries: Value, keys: Value, keyDim: number) => {
    const q = linear(g, `${prefix}.${name}.to_q`, queries, channels, channels, false);
    const k = linear(g, `${prefix}.${name}.to_k`, keys, keyDim, channels, false);
    const v = linear(g, `${prefix}.${name}.to_v`, keys, keyDim, channels, false);
    return linear(g, `${prefix}.${name}.to_out.0`, attention(g, q, k, v, heads), channels, channels);
  };
  const normalized = layerNorm(g, `${prefix}.norm1`, tokens, channels);
  const seen = g.node('Add', [tokens, attend('attn1', normalized, normalized, channels)]);
  let x = repeatForPrompts(g, seen, context, 3);
  x = g.node('Add', [x, attend('attn2', layerNorm(g, `${prefix}.norm2`, x, channels), context, contextDim)]);
  return g.node('Add', [x, feedForward(g, `${prefix}.ff.net`, layerNorm(g, `${prefix}.norm3`, x, channels), channels)]);
}

/** Repeats a tensor of one picture for each of several prompts; others are left as they are. */
export function repeatForPrompts(g: GraphBuilder, x: Value, context: Value, rank: number): Value {
  const prompts = g.node('Shape', [context], { start: 0, end: 1 });
  const ones = g.integers(...new Array<number>(rank - 1).fill(1));
  return g.node('Expand', [x, g.node('Concat', [prompts, ones], { axis: 0 })]);
}

/** GEGLU (Shazeer 2020, eq. 6): one half of a projection, gated by the GELU of the other. */
function feedForward(g: GraphBuilder, prefix: string, x: Value, channels: number): Value {
  const inner = 4 * channels;
  const projected = linear(g, `${prefix}.0.proj`, x, channels, 2 * inner);
  const [value, gate] = g.nodes('Split', [projected], 2, { axis: -1, num_outputs: 2 }) as [Value, Value];
  return linear(g, `${prefix}.2`, g.node('Mul', [value, g.node('Gelu', [gate])]), inner, channels);
}
