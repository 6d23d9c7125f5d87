import { type GraphBuilder, MICROSOFT_DOMAIN, type Value } from '../graph-builder.ts';
import { dataTypes } from '../onnx-schema.ts';
import type { ConvOptions } from './layers.ts';

export const toFloat16 = (g: GraphBuilder, x: Value): Value => g.node('Cast', [x], { to: dataTypes.float16 });
export const toFloat32 = (g: GraphBuilder, x: Value): Value => g.node('Cast', [x], { to: dataTypes.float32 });

export const halfWeight = (g: GraphBuilder, name: string, shape: readonly number[]): Value =>
  g.weight(name, shape, 'float16');

/** x · Wᵀ, the matrix as PyTorch stores it: [outputs, inputs]. */
export const multiply = (g: GraphBuilder, x: Value, matrix: Value): Value =>
  g.node('FusedMatMul', [x, matrix], { transB: 1 }, MICROSOFT_DOMAIN);

export function linear(g: GraphBuilder, prefix: string, x: Value, inputs: number, outputs: number, bias = true): Value {
  const product = multiply(g, x, halfWeight(g, `${prefix}.weight`, [outputs, inputs]));
  return bias ? g.node('Add', [product, halfWeight(g, `${prefix}.bias`, [outputs])]) : product;
}

export function conv(
  g: GraphBuilder,
  prefix: string,
  x: Value,
  inputs: number,
  outputs: number,
  { kernel, stride = 1, pads = [1, 1, 1, 1], bias = true }: ConvOptions,
): Value {
  const source = { name: `${prefix}.weight`, shape: [outputs, inputs, kernel, kernel] };
  const common = { name: source.name, type: 'float16', sources: [source] } as const;
  const biases = bias ? [halfWeight(g, `${prefix}.bias`, [outputs])] : [];
  if (kernel === 1) {
    // With channels last a 1×1 convolution is a matrix product.
    const matrix = g.arrangedWeight({ ...common, shape: [outputs, inputs], arrangement: 'as_stored' });
    const product = multiply(g, x, matrix);
    return bias ? g.node('Add', [product, ...biases]) : product;
  }
  const shape = [outputs, kernel, kernel, inputs];
  const kernels = g.arrangedWeight({ ...common, shape, arrangement: 'channels_last' });
  const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads };
  return g.node('NhwcConv', [x, kernels, ...biases], attributes, MICROSOFT_DOMAIN);
}
