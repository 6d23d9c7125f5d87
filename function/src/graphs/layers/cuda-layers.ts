import { GraphBuilder, MICROSOFT_DOMAIN, type Value } from '../graph-builder.ts';
import { attention, crossAttention, selfAttention } from './cuda-attention.ts';
import { convThenNorm, groupNorm } from './cuda-group-norm.ts';
import { conv, halfWeight, linear, multiply, toFloat16, toFloat32 } from './cuda-primitives.ts';
import { asMatrix, type Layers } from './layers.ts';
import { nearest, quickGelu, silu } from './shared-layers.ts';

/** ONNX Runtime's BiasSplitGelu kernel is compiled for these widths alone: those of v1. */
const BIAS_SPLIT_GELU_WIDTHS = [2560, 5120, 10240];

/**
 * Layers in operators that are fast on the CUDA provider: float16, feature maps [n, h, w, channels], ONNX Runtime's
 * contrib operators. What their kernels cannot do for a small model is put together from standard operators.
 */
export function createCudaLayers(name: string): Layers {
  const g = new GraphBuilder(name);

  return {
    g,
    imageInput: (input, dims) =>
      g.node('Transpose', [toFloat16(g, g.input(input, 'float32', dims))], { perm: [0, 2, 3, 1] }),
    imageOutput: (x, output, dims) =>
      g.output(g.node('Transpose', [toFloat32(g, x)], { perm: [0, 3, 1, 2] }), output, 'float32', dims),
    toWorkingPrecision: (x) => toFloat16(g, x),
    toFloat32: (x) => toFloat32(g, x),

    weight: (weight, shape) => halfWeight(g, weight, shape),
    linear: (prefix, x, inputs, outputs) => linear(g, prefix, x, inputs, outputs),
    project: (x, matrix, outputs) => multiply(g, x, g.arrangedWeight(asMatrix(matrix, 'float16', outputs))),
    silu: (x) => silu(g, x),
    quickGelu: (x) => quickGelu(g, x),
    layerNorm(prefix, x, width) {
      const weights = [halfWeight(g, `${prefix}.weight`, [width]), halfWeight(g, `${prefix}.bias`, [width])];
      return g.node('LayerNormalization', [x, ...weights], { axis: -1, epsilon: { float: 1e-5 } });
    },
    geglu(prefix, x, channels, inner) {
      if (!BIAS_SPLIT_GELU_WIDTHS.includes(2 * inner)) {
        return gatedHalves(g, linear(g, prefix, x, channels, 2 * inner));
      }
      const product = linear(g, prefix, x, channels, 2 * inner, false);
      return g.node('BiasSplitGelu', [product, halfWeight(g, `${prefix}.bias`, [2 * inner])], {}, MICROSOFT_DOMAIN);
    },
    attention: (q, k, v, heads, causal) => attention(g, [q, k, v], heads, causal),
    selfAttention: (names, x, width, heads) => selfAttention(g, names, x, width, heads),
    crossAttention: (names, x, context, dims) => crossAttention(g, names, x, context, dims),

    conv: (prefix, x, inputs, outputs, options) => conv(g, prefix, x, inputs, outputs, options),
    groupNorm: (prefix, x, channels, options) => groupNorm(g, prefix, x, channels, options),
    convThenNorm: (x, options) => convThenNorm(g, x, options),
    joinChannels: (a, b) => g.node('Concat', [a, b], { axis: 3 }),
    double: (x) => nearest(g, x, { scales: g.constant('scales.1_2_2_1', Float32Array.of(1, 2, 2, 1)) }),
    enlarge(x, like) {
      const [batch, channels] = [dims(x, 0, 1), dims(x, 3, 4)];
      return nearest(g, x, { sizes: g.node('Concat', [batch, dims(like, 1, 3), channels], { axis: 0 }) });
    },
    imageToTokens: (x) => g.node('Reshape', [x, g.node('Concat', [g.integers(0, -1), dims(x, 3, 4)], { axis: 0 })]),
    tokensToImage(tokens, like) {
      const shape = g.node('Concat', [g.integers(0), dims(like, 1, 3), g.integers(-1)], { axis: 0 });
      return g.node('Reshape', [tokens, shape]);
    },
  };

  function dims(x: Value, start: number, end: number): Value {
    return g.node('Shape', [x], { start, end });
  }
}

/** The first half of the last axis times the GELU of the second. */
function gatedHalves(g: GraphBuilder, x: Value): Value {
  const [value, gate] = g.nodes('Split', [x], 2, { axis: -1, num_outputs: 2 }) as [Value, Value];
  return g.node('Mul', [value, g.node('Gelu', [gate])]);
}
