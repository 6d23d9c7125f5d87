import type { GraphBuilder, KernelSum, Value } from '../graph-builder.ts';

/**
 * Winograd's minimal filtering F(4, 3) along the height (Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural
 * Networks", § 4.3): four rows of the result from six products instead of twelve. Along the width the convolution stays
 * as it is: in both directions it would take a quarter of the products, but four times the weights instead of twice.
 */
const ROWS = 4;

/** Bᵀ: sums of the six rows that four rows of the result look at. */
const ROW_SUMS = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
] as const;

/** G: sums of a kernel's three rows. Each is multiplied with one of the above. */
const KERNEL_SUMS = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
] as const;

/** Aᵀ: the four rows as sums of the six products. Each has the second once, and what is added to that. */
const PRODUCT_SUMS = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
] as const;
const WITH_BIAS = 1;

/**
 * One sum of the rows of every kernel.
 * @param kernels [outputs, inputs, 3, 3]
 * @param target Filled: [outputs, inputs, 1, 3].
 * @param convert To what the target holds.
 */
export function sumKernelRows(
  kernels: Float32Array,
  index: KernelSum,
  target: { [index: number]: number },
  convert: (value: number) => number,
): void {
  const [a, b, c] = KERNEL_SUMS[index];
  const at = (i: number) => kernels[i] as number;
  for (let from = 0, to = 0; from < kernels.length; from += 9) {
    for (let column = from; column < from + 3; column += 1, to += 1) {
      target[to] = convert(a * at(column) + b * at(column + 3) + c * at(column + 6));
    }
  }
}

export interface WinogradOptions {
  inputs: number;
  outputs: number;
  /** As a weight's. */
  keepsOrder?: boolean;
}

/**
 * A 3×3 convolution with one pixel of padding, with half of the products and twice the weights.
 * [n, inputs, h, w] → [n, outputs, h, w]
 */
export function winogradConv(g: GraphBuilder, prefix: string, x: Value, options: WinogradOptions): Value {
  const { outputs } = options;
  const products = KERNEL_SUMS.map((_, index) => product(g, prefix, x, index as KernelSum, options));
  const stacked = g.node('Reshape', [g.node('Concat', products, { axis: 1 }), g.integers(0, products.length, -1)]);
  const sums = Float32Array.from(PRODUCT_SUMS.flat());
  const rows = g.node('MatMul', [g.constant('product_sums', sums, [ROWS, products.length]), stacked]);

  const width = g.node('Shape', [x], { start: 3, end: 4 });
  const apart = g.node('Reshape', [rows, g.node('Concat', [g.integers(0, ROWS, -1), width], { axis: 0 })]);
  const interleaved = g.node('Transpose', [apart], { perm: [0, 2, 1, 3] }); // [n, outputs · ⌈h/4⌉, 4, w]
  const whole = g.node('Reshape', [interleaved, g.integers(0, outputs, -1, 0)]);
  const height = g.node('Shape', [x], { start: 2, end: 3 });
  return g.node('Slice', [whole, g.integers(0), height, g.integers(2)]);
}

/** [n, outputs, ⌈h/4⌉, w] */
function product(g: GraphBuilder, prefix: string, x: Value, index: KernelSum, options: WinogradOptions): Value {
  const { inputs, outputs, keepsOrder } = options;
  const source = { name: `${prefix}.weight`, shape: [outputs, inputs, 3, 3] };
  const weight = g.arrangedWeight({
    name: `${source.name}.sum${index}`,
    shape: [outputs, inputs, 1, 3],
    type: 'float32',
    sources: [source],
    arrangement: { kernelSum: index },
    ...(keepsOrder ? { keepsOrder } : {}),
  });
  const bias = index === WITH_BIAS ? [g.weight(`${prefix}.bias`, [outputs])] : [];
  return g.node('Conv', [rowSum(g, x, index, inputs), weight, ...bias], {
    kernel_shape: [1, 3],
    strides: [1, 1],
    pads: [0, 1, 0, 1],
  });
}

/** One sum of rows for each four of the result, as a convolution of every channel for itself: [n, inputs, ⌈h/4⌉, w]. */
function rowSum(g: GraphBuilder, x: Value, index: KernelSum, channels: number): Value {
  const factors = ROW_SUMS[index];
  const first = factors.findIndex((factor) => factor !== 0);
  const last = factors.findLastIndex((factor) => factor !== 0);
  // The first sum and the last have every other row.
  const dilation = factors[first + 1] === 0 ? 2 : 1;
  const taps = factors.filter((_, i) => i >= first && i <= last && (i - first) % dilation === 0);
  const kernels = Float32Array.from({ length: channels * taps.length }, (_, i) => taps[i % taps.length] as number);
  return g.node('Conv', [x, g.constant(`row_sum${index}.${channels}`, kernels, [channels, 1, taps.length, 1])], {
    kernel_shape: [taps.length, 1],
    dilations: [dilation, 1],
    strides: [ROWS, 1],
    // The six rows begin one above the four. As many are added below as make the height a multiple of four.
    pads: [1 - first, 0, last - 1, 0],
    group: channels,
  });
}
