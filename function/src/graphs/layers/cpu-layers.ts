import { GraphBuilder, MICROSOFT_DOMAIN, type Value } from '../graph-builder.ts';
import { asMatrix, type ConvOptions, GROUPS, type GroupNormOptions, type Layers } from './layers.ts';
import { nearest, quickGelu, silu } from './shared-layers.ts';
import { fourRows, twoRows, winogradConv } from './winograd.ts';

/**
 * onnxruntime rearranges the weights of convolutions when it creates a session, a second for each 300 MB. For the
 * largest, which work on the smallest feature maps, that costs seconds and gains next to nothing: above so many numbers
 * they stay as they are, mapped from the file. By kernel size: those of 1×1 are matrices, and gain the least.
 */
const MAX_REARRANGED = { 1: 1_000_000, 3: 7_000_000 } as const;

/** With twice the weights half of the products, or a third more and two thirds. */
const winogradFor = { large: fourRows, medium: twoRows, small: undefined } as const;

/** Layers in operators that are fast on the CPU provider: float32, feature maps [n, channels, h, w]. */
export function createCpuLayers(name: string): Layers {
  const g = new GraphBuilder(name);

  return {
    g,
    imageInput: (input, dims) => g.input(input, 'float32', dims),
    imageOutput: (x, output, dims) => g.output(x, output, 'float32', dims),
    toWorkingPrecision: (x) => x,
    toFloat32: (x) => x,

    weight: (weight, shape) => g.weight(weight, shape),
    linear: (prefix, x, inputs, outputs) => linear(g, prefix, x, inputs, outputs),
    project: (x, matrix, outputs) =>
      g.node(
        'FusedMatMul',
        [x, g.arrangedWeight(asMatrix(matrix, 'float32', outputs))],
        { transB: 1 },
        MICROSOFT_DOMAIN,
      ),
    silu: (x) => silu(g, x),
    quickGelu: (x) => quickGelu(g, x),
    layerNorm(prefix, x, width) {
      const weights = [g.weight(`${prefix}.weight`, [width]), g.weight(`${prefix}.bias`, [width])];
      return g.node('LayerNormalization', [x, ...weights], { axis: -1, epsilon: { float: 1e-5 } });
    },
    geglu: (prefix, x, channels, inner) => geglu(g, prefix, x, channels, inner),
    attention: (q, k, v, heads, causal) => attention(g, q, k, v, heads, causal),
    selfAttention({ q, k, v }, x, width, heads) {
      const project = (module: string) => linear(g, module, x, width, width, false);
      return attention(g, project(q), project(k), project(v), heads);
    },
    crossAttention({ q, k, v }, x, context, { width, contextWidth, heads }) {
      const project = (module: string) => linear(g, module, context, contextWidth, width, false);
      return attention(g, linear(g, q, x, width, width, false), project(k), project(v), heads);
    },

    conv: (prefix, x, inputs, outputs, options) => conv(g, prefix, x, inputs, outputs, options),
    groupNorm: (prefix, x, channels, options) => groupNorm(g, prefix, x, channels, options),
    convThenNorm(x, { conv: convName, norm, inputs, outputs, epsilon, shift, mapSize = 'small' }) {
      const convolved = conv(g, convName, x, inputs, outputs, { kernel: 3, mapSize });
      const shifted =
        shift === undefined ? convolved : g.node('Add', [convolved, g.node('Unsqueeze', [shift, g.integers(2, 3)])]);
      return groupNorm(g, norm, shifted, outputs, { epsilon, silu: true });
    },
    joinChannels: (a, b) => g.node('Concat', [a, b], { axis: 1 }),
    double: (x) => nearest(g, x, { scales: g.constant('scales.1_1_2_2', Float32Array.of(1, 1, 2, 2)) }),
    enlarge(x, like) {
      const sizes = [g.node('Shape', [x], { start: 0, end: 2 }), g.node('Shape', [like], { start: 2, end: 4 })];
      return nearest(g, x, { sizes: g.node('Concat', sizes, { axis: 0 }) });
    },
    imageToTokens: (x) => g.node('Transpose', [g.node('Reshape', [x, g.integers(0, 0, -1)])], { perm: [0, 2, 1] }),
    tokensToImage(tokens, like) {
      const shape = [g.integers(0, 0), g.node('Shape', [like], { start: 2, end: 4 })];
      const transposed = g.node('Transpose', [tokens], { perm: [0, 2, 1] });
      return g.node('Reshape', [transposed, g.node('Concat', shape, { axis: 0 })]);
    },
  };
}

function linear(g: GraphBuilder, prefix: string, x: Value, inputs: number, outputs: number, bias = true): Value {
  // Takes the matrix as PyTorch stores it, [outputs, inputs], and is as fast as MatMul on its transpose.
  const weight = g.weight(`${prefix}.weight`, [outputs, inputs]);
  const product = g.node('FusedMatMul', [x, weight], { transB: 1 }, MICROSOFT_DOMAIN);
  return bias ? g.node('Add', [product, g.weight(`${prefix}.bias`, [outputs])]) : product;
}

/** Two products of half the size, where one would have to be split: to split is to copy. */
function geglu(g: GraphBuilder, prefix: string, x: Value, channels: number, inner: number): Value {
  const half = (start: number) => {
    const rowsOf = (name: string, ...row: number[]) =>
      g.arrangedWeight({
        name: `${name}.from${start}`,
        shape: [inner, ...row],
        type: 'float32',
        sources: [{ name, shape: [2 * inner, ...row], rows: [start, start + inner] }],
        arrangement: 'as_stored',
      });
    const weight = rowsOf(`${prefix}.weight`, channels);
    const product = g.node('FusedMatMul', [x, weight], { transB: 1 }, MICROSOFT_DOMAIN);
    return g.node('Add', [product, rowsOf(`${prefix}.bias`)]);
  };
  return g.node('Mul', [half(0), g.node('Gelu', [half(inner)])]);
}

function attention(g: GraphBuilder, q: Value, k: Value, v: Value, heads: number, causal = false): Value {
  const attributes = { num_heads: heads, unidirectional: causal ? 1 : 0 };
  return g.node('MultiHeadAttention', [q, k, v], attributes, MICROSOFT_DOMAIN);
}

function conv(
  g: GraphBuilder,
  prefix: string,
  x: Value,
  inputs: number,
  outputs: number,
  { kernel, stride = 1, pads, bias = true, mapSize = 'small' }: ConvOptions,
): Value {
  const pad = kernel === 3 ? 1 : 0;
  const shape = [outputs, inputs, kernel, kernel];
  const source = { name: `${prefix}.weight`, shape };
  const keepsOrder = shape.reduce((product, dim) => product * dim) > MAX_REARRANGED[kernel];
  const algorithm = winogradFor[mapSize];
  if (algorithm !== undefined) return winogradConv(g, prefix, x, { algorithm, inputs, outputs, keepsOrder });
  const weight = g.arrangedWeight({
    ...source,
    type: 'float32',
    sources: [source],
    arrangement: 'as_stored',
    ...(keepsOrder ? { keepsOrder } : {}),
  });
  const biases = bias ? [g.weight(`${prefix}.bias`, [outputs])] : [];
  return g.node('Conv', [x, weight, ...biases], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: pads ?? [pad, pad, pad, pad],
  });
}

/** The CPU provider has no GroupNorm kernel, so the groups are normalised as instances of [n, 32, channels/32·h·w]. */
function groupNorm(g: GraphBuilder, prefix: string, x: Value, channels: number, options: GroupNormOptions): Value {
  const grouped = g.node('Reshape', [x, g.integers(0, GROUPS, -1)]);
  const ones = g.constant('group_norm.ones', new Float32Array(GROUPS).fill(1));
  const zeros = g.constant('group_norm.zeros', new Float32Array(GROUPS));
  const epsilon = { float: options.epsilon };
  const normalized = g.node('InstanceNormalization', [grouped, ones, zeros], { epsilon });
  const restored = g.node('Reshape', [normalized, g.node('Shape', [x])]);
  const perChannel = (name: string) =>
    g.arrangedWeight({
      name,
      shape: [channels, 1, 1],
      type: 'float32',
      sources: [{ name, shape: [channels] }],
      arrangement: 'as_stored',
    });
  const scaled = g.node('Add', [
    g.node('Mul', [restored, perChannel(`${prefix}.weight`)]),
    perChannel(`${prefix}.bias`),
  ]);
  return options.silu ? silu(g, scaled) : scaled;
}
