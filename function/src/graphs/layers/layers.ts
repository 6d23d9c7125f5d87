import type { GraphBuilder, StoredTensor, Value, WeightSpec } from '../graph-builder.ts';
import type { FloatType } from '../onnx-schema.ts';

/** What a graph is for: the provider it runs on decides layout, precision and operators. */
export type Target = 'cpu' | 'cuda';

/** GroupNorm everywhere in the model uses 32 groups. */
export const GROUPS = 32;

/** How many places a feature map has, beside its channels. */
export type MapSize = 'large' | 'medium' | 'small';

export interface ConvOptions {
  kernel: 1 | 3;
  stride?: 1 | 2;
  /** Top, left, bottom, right. @defaultValue `kernel` 3: one pixel all around; `kernel` 1: none */
  pads?: readonly [number, number, number, number];
  /** @defaultValue true */
  bias?: boolean;
  /**
   * For `kernel` 3 with the defaults above: the more places there are, the larger may weights be that save products.
   * @defaultValue 'small'
   */
  mapSize?: MapSize;
}

export interface GroupNormOptions {
  epsilon: number;
  /** Whether SiLU follows. */
  silu: boolean;
}

export interface ConvThenNormOptions {
  /** Module names. */
  conv: string;
  norm: string;
  inputs: number;
  outputs: number;
  epsilon: number;
  /** Added between the two, the same at every place: [n, outputs]. */
  shift?: Value;
  /** As a convolution's. @defaultValue 'small' */
  mapSize?: MapSize;
}

/** Module names of the projections. */
export interface AttentionNames {
  q: string;
  k: string;
  v: string;
}

export interface CrossAttentionDims {
  width: number;
  contextWidth: number;
  heads: number;
}

/**
 * The layers the v1 networks are made of, in the operators that are fast on one provider.
 *
 * A feature map is [n, channels, h, w] in meaning; how it lies in memory is the target's affair, so networks only hand
 * feature maps from layer to layer. Tokens are [n, count, width] for every target. `prefix` names a module of the
 * checkpoint: its tensors are `<prefix>.weight` and `<prefix>.bias`.
 */
export interface Layers {
  readonly g: GraphBuilder;

  /** Declares a picture or latents, float32 [n, channels, h, w] outside, and makes a feature map of it. */
  imageInput(name: string, dims: readonly [string, number, string, string]): Value;
  /** Declares an output, float32 [n, channels, h, w] outside. */
  imageOutput(x: Value, name: string, dims: readonly [string, number, string, string]): void;
  /** From float32 to the precision the network works in, and back. */
  toWorkingPrecision(x: Value): Value;
  toFloat32(x: Value): Value;

  /** A weight in working precision. */
  weight(name: string, shape: readonly number[]): Value;
  /** y = x · Wᵀ + b over the last axis. */
  linear(prefix: string, x: Value, inputs: number, outputs: number): Value;
  /** y = x · Wᵀ over the last axis, W the rows of a tensor that may be stored with more axes. */
  project(x: Value, matrix: StoredTensor, outputs: number): Value;
  /** Layer norm over the last axis, epsilon 1e-5 as everywhere in CLIP and the transformer blocks. */
  layerNorm(prefix: string, x: Value, width: number): Value;
  /** x · sigmoid(x) */
  silu(x: Value): Value;
  /** CLIP's activation, x · sigmoid(1.702 x). */
  quickGelu(x: Value): Value;
  /** GEGLU (Shazeer 2020, eq. 6): one half of a projection, gated by the GELU of the other. [n, t, c] → [n, t, inner] */
  geglu(prefix: string, x: Value, channels: number, inner: number): Value;
  /** Scaled dot-product attention over [n, tokens, width]; scores are never written to memory as a whole. */
  attention(q: Value, k: Value, v: Value, heads: number, causal?: boolean): Value;
  /** Attention of tokens to themselves, projections without bias included. */
  selfAttention(names: AttentionNames, x: Value, width: number, heads: number): Value;
  /** Attention of tokens to a context [n, tokens, contextWidth], projections without bias included. */
  crossAttention(names: AttentionNames, x: Value, context: Value, dims: CrossAttentionDims): Value;

  /** 2-D convolution of a feature map. */
  conv(prefix: string, x: Value, inputs: number, outputs: number, options: ConvOptions): Value;
  /** GroupNorm (Wu and He 2018, eq. 1) of a feature map. */
  groupNorm(prefix: string, x: Value, channels: number, options: GroupNormOptions): Value;
  /** 3×3 convolution, shift, GroupNorm, SiLU: what the residual blocks of UNet and VAE share. */
  convThenNorm(x: Value, options: ConvThenNormOptions): Value;
  /** Joins two feature maps along their channels. */
  joinChannels(a: Value, b: Value): Value;
  /** Nearest-neighbour doubling. */
  double(x: Value): Value;
  /** Nearest-neighbour enlarging to the height and width of `like`. */
  enlarge(x: Value, like: Value): Value;
  /** Feature map → tokens [n, h·w, channels]. */
  imageToTokens(x: Value): Value;
  /** Tokens [n, h·w, channels] → feature map, height and width those of `like`. */
  tokensToImage(tokens: Value, like: Value): Value;
}

/** A tensor of the checkpoint as a matrix: all axes but the first become one. */
export function asMatrix({ name, shape }: StoredTensor, type: FloatType, outputs: number): WeightSpec {
  const inputs = shape.reduce((product, dim) => product * dim) / outputs;
  return { name, shape: [outputs, inputs], type, sources: [{ name, shape }], arrangement: 'as_stored' };
}

/** Repeats a tensor of one picture for each of several prompts; others are left as they are. */
export function repeatForPrompts(g: GraphBuilder, x: Value, context: Value, rank: number): Value {
  const prompts = g.node('Shape', [context], { start: 0, end: 1 });
  const ones = g.integers(...new Array<number>(rank - 1).fill(1));
  return g.node('Expand', [x, g.node('Concat', [prompts, ones], { axis: 0 })]);
}
