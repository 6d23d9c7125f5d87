import { type GraphBuilder, MICROSOFT_DOMAIN, type Value } from '../graph-builder.ts';
import { linear, multiply } from './cuda-primitives.ts';
import type { AttentionNames, CrossAttentionDims } from './layers.ts';

/** Queries, keys and values each [n, tokens, width]; or packed, the others left out. */
export function attention(
  g: GraphBuilder,
  [q, k, v]: readonly [Value, Value?, Value?],
  heads: number,
  causal = false,
): Value {
  const attributes = { num_heads: heads, unidirectional: causal ? 1 : 0 };
  return g.node('MultiHeadAttention', [q, k, v], attributes, MICROSOFT_DOMAIN);
}

export function selfAttention(
  g: GraphBuilder,
  { q, k, v }: AttentionNames,
  x: Value,
  width: number,
  heads: number,
): Value {
  return attention(g, [packedProjections(g, [q, k, v], x, { inputs: width, width, heads })], heads);
}

export function crossAttention(
  g: GraphBuilder,
  { q, k, v }: AttentionNames,
  x: Value,
  context: Value,
  { width, contextWidth, heads }: CrossAttentionDims,
): Value {
  const packed = packedProjections(g, [k, v], context, { inputs: contextWidth, width, heads });
  return attention(g, [linear(g, q, x, width, width, false), packed], heads);
}

/** Projections of equal width in one product, head by head as packed attention takes them: [n, t, heads, parts, size]. */
function packedProjections(
  g: GraphBuilder,
  modules: string[],
  x: Value,
  { inputs, width, heads }: { inputs: number; width: number; heads: number },
): Value {
  const packed = g.arrangedWeight({
    name: `${modules.join('+')}.weight`,
    shape: [modules.length * width, inputs],
    type: 'float16',
    sources: modules.map((module) => ({ name: `${module}.weight`, shape: [width, inputs] })),
    arrangement: { interleavedHeads: heads },
  });
  return g.node('Reshape', [multiply(g, x, packed), g.integers(0, 0, heads, modules.length, width / heads)]);
}
