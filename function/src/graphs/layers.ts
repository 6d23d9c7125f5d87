/** The layers the v1 networks are made of, as ONNX operators that are fast on the CPU provider. */
import type { GraphBuilder, Value } from './graph-builder.ts';
import { MICROSOFT_DOMAIN } from './graph-builder.ts';

/** GroupNorm everywhere in the model uses 32 groups. */
const GROUPS = 32;

/** y = x · Wᵀ + b over the last axis. `prefix` names the module: its tensors are `<prefix>.weight` and `<prefix>.bias`. */
export function linear(g: GraphBuilder, prefix: string, x: Value, inputs: number, outputs: number, bias = true): Value {
  // Takes the matrix as PyTorch stores it, [outputs, inputs], and is as fast as MatMul on its transpose.
  const weight = g.weight(`${prefix}.weight`, [outputs, inputs]);
  const product = g.node('FusedMatMul', [x, weight], { transB: 1 }, MICROSOFT_DOMAIN);
  return bias ? g.node('Add', [product, g.weight(`${prefix}.bias`, [outputs])]) : product;
}

export interface ConvOptions {
  kernel: 1 | 3;
  stride?: 1 | 2;
  /** Top, left, bottom, right. @defaultValue `kernel` 3: one pixel all around; `kernel` 1: none */
  pads?: readonly [number, number, number, number];
}

/** 2-D convolution, [n, inputs, h, w] → [n, outputs, h', w']. */
export function conv(
  g: GraphBuilder,
  prefix: string,
  x: Value,
  inputs: number,
  outputs: number,
  options: ConvOptions,
): Value {
  const { kernel, stride = 1 } = options;
  const pad = kernel === 3 ? 1 : 0;
  return g.node(
    'Conv',
    [x, g.weight(`${prefix}.weight`, [outputs, inputs, kernel, kernel]), g.weight(`${prefix}.bias`, [outputs])],
    {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: options.pads ?? [pad, pad, pad, pad],
    },
  );
}

/**
 * GroupNorm over [n, channels, h, w] (Wu and He 2018, eq. 1). The CPU provider has no GroupNorm kernel, so the groups
 * are normalised as instances of [n, 32, channels/32·h·w].
 */
export function groupNorm(g: GraphBuilder, prefix: string, x: Value, channels: number, epsilon: number): Value {
  const grouped = g.node('Reshape', [x, g.integers(0, GROUPS, -1)]);
  const ones = g.constant('group_norm.ones', new Float32Array(GROUPS).fill(1));
  const zeros = g.constant('group_norm.zeros', new Float32Array(GROUPS));
  const normalized = g.node('InstanceNormalization', [grouped, ones, zeros], { epsilon: { float: epsilon } });
  const restored = g.node('Reshape', [normalized, g.node('Shape', [x])]);
  const perChannel = g.integers(channels, 1, 1);
  const gamma = g.node('Reshape', [g.weight(`${prefix}.weight`, [channels]), perChannel]);
  const beta = g.node('Reshape', [g.weight(`${prefix}.bias`, [channels]), perChannel]);
  return g.node('Add', [g.node('Mul', [restored, gamma]), beta]);
}

/** Layer norm over the last axis, epsilon 1e-5 as everywhere in CLIP and the transformer blocks. */
export function layerNorm(g: GraphBuilder, prefix: string, x: Value, width: number): Value {
  return g.node('LayerNormalization', [x, g.weight(`${prefix}.weight`, [width]), g.weight(`${prefix}.bias`, [width])], {
    axis: -1,
    epsilon: { float: 1e-5 },
  });
}

/** x · sigmoid(x): the fused kernel is QuickGelu with alpha 1. */
export function silu(g: GraphBuilder, x: Value): Value {
  return g.node('QuickGelu', [x], { alpha: { float: 1 } }, MICROSOFT_DOMAIN);
}

/** CLIP's activation, x · sigmoid(1.702 x). */
export function quickGelu(g: GraphBuilder, x: Value): Value {
  return g.node('QuickGelu', [x], { alpha: { float: 1.702 } }, MICROSOFT_DOMAIN);
}

/** Scaled dot-product attention over [n, tokens, width]; scores are never written to memory as a whole. */
export function attention(g: GraphBuilder, q: Value, k: Value, v: Value, heads: number, causal = false): Value {
  return g.node(
    'MultiHeadAttention',
    [q, k, v],
    { num_heads: heads, unidirectional: causal ? 1 : 0 },
    MICROSOFT_DOMAIN,
  );
}

/** [n, channels, h, w] → [n, h·w, channels]. */
export function imageToTokens(g: GraphBuilder, x: Value): Value {
  return g.node('Transpose', [g.node('Reshape', [x, g.integers(0, 0, -1)])], { perm: [0, 2, 1] });
}

/** [n, h·w, channels] → [n, channels, h, w], height and width those of `like`. */
export function tokensToImage(g: GraphBuilder, tokens: Value, like: Value): Value {
  const size = g.node('Shape', [like], { start: 2, end: 4 });
  const shape = g.node('Concat', [g.integers(0, 0), size], { axis: 0 });
  return g.node('Reshape', [g.node('Transpose', [tokens], { perm: [0, 2, 1] }), shape]);
}
