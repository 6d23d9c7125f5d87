import type { GraphBuilder, RowFactors, Value } from '../graph-builder.ts';

/**
 * One of Winograd's minimal filtering algorithms F(m, 3), along the height (Lavin and Gray 2015, "Fast Algorithms for
 * Convolutional Neural Networks", § 4): m rows of the result from m + 2 products instead of 3 · m. Along the width the
 * convolution stays as it is: in both directions there were fewer products, but far more weights.
 */
export interface WinogradAlgorithm {
  /** Bᵀ: sums of the m + 2 rows that m rows of the result look at. */
  readonly rowSums: readonly (readonly number[])[];
  /** G: sums of a kernel's three rows. Each is multiplied with one of the above. */
  readonly kernelSums: readonly RowFactors[];
  /** Aᵀ: the rows as sums of the products. Each has the second once, and what is added to that. */
  readonly productSums: readonly (readonly number[])[];
}

/** F(4, 3): half of the products, twice the weights. Source: § 4.3. */
export const fourRows: WinogradAlgorithm = {
  rowSums: [
    [4, 0, -5, 0, 1, 0],
    [0, -4, -4, 1, 1, 0],
    [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
  ],
  kernelSums: [
    [1 / 4, 0, 0],
    [-1 / 6, -1 / 6, -1 / 6],
    [-1 / 6, 1 / 6, -1 / 6],
    [1 / 24, 1 / 12, 1 / 6],
    [1 / 24, -1 / 12, 1 / 6],
    [0, 0, 1],
  ],
  productSums: [
    [1, 1, 1, 1, 1, 0],
    [0, 1, -1, 2, -2, 0],
    [0, 1, 1, 4, 4, 0],
    [0, 1, -1, 8, -8, 1],
  ],
};

/** F(2, 3): two thirds of the products, a third more weights. Source: § 4.1, the last product with its sign turned. */
export const twoRows: WinogradAlgorithm = {
  rowSums: [
    [1, 0, -1, 0],
    [0, 1, 1, 0],
    [0, -1, 1, 0],
    [0, -1, 0, 1],
  ],
  kernelSums: [
    [1, 0, 0],
    [1 / 2, 1 / 2, 1 / 2],
    [1 / 2, -1 / 2, 1 / 2],
    [0, 0, 1],
  ],
  productSums: [
    [1, 1, 1, 0],
    [0, 1, -1, 1],
  ],
};
const WITH_BIAS = 1;

/**
 * One sum of the rows of every kernel.
 * @param kernels [outputs, inputs, 3, 3]
 * @param target Filled: [outputs, inputs, 1, 3].
 * @param convert To what the target holds.
 */
export function sumKernelRows(
  kernels: Float32Array,
  [a, b, c]: RowFactors,
  target: { [index: number]: number },
  convert: (value: number) => number,
): void {
  const at = (i: number) => kernels[i] as number;
  for (let from = 0, to = 0; from < kernels.length; from += 9) {
    for (let column = from; column < from + 3; column += 1, to += 1) {
      target[to] = convert(a * at(column) + b * at(column + 3) + c * at(column + 6));
    }
  }
}

export interface WinogradOptions {
  algorithm: WinogradAlgorithm;
  inputs: number;
  outputs: number;
  /** As a weight's. */
  keepsOrder?: boolean;
}

/**
 * A 3×3 convolution with one pixel of padding.
 * [n, inputs, h, w] → [n, outputs, h, w]
 */
export function winogradConv(g: GraphBuilder, prefix: string, x: Value, options: WinogradOptions): Value {
  const { algorithm, outputs } = options;
  const { productSums } = algorithm;
  const products = algorithm.kernelSums.map((_, index) => product(g, prefix, x, index, options));
  const stacked = g.node('Reshape', [g.node('Concat', products, { axis: 1 }), g.integers(0, products.length, -1)]);
  const sums = g.constant(`product_sums.${productSums.length}`, Float32Array.from(productSums.flat()), [
    productSums.length,
    products.length,
  ]);
  const rows = g.node('MatMul', [sums, stacked]);

  const width = g.node('Shape', [x], { start: 3, end: 4 });
  const apart = g.node('Reshape', [
    rows,
    g.node('Concat', [g.integers(0, productSums.length, -1), width], { axis: 0 }),
  ]);
  const interleaved = g.node('Transpose', [apart], { perm: [0, 2, 1, 3] }); // [n, outputs · ⌈h/m⌉, m, w]
  const whole = g.node('Reshape', [interleaved, g.integers(0, outputs, -1, 0)]);
  const height = g.node('Shape', [x], { start: 2, end: 3 });
  return g.node('Slice', [whole, g.integers(0), height, g.integers(2)]);
}

/** [n, outputs, ⌈h/m⌉, w] */
function product(g: GraphBuilder, prefix: string, x: Value, index: number, options: WinogradOptions): Value {
  const { algorithm, inputs, outputs, keepsOrder } = options;
  const source = { name: `${prefix}.weight`, shape: [outputs, inputs, 3, 3] };
  const weight = g.arrangedWeight({
    name: `${source.name}.sum${index}_of_${algorithm.kernelSums.length}`,
    shape: [outputs, inputs, 1, 3],
    type: 'float32',
    sources: [source],
    arrangement: { kernelRows: algorithm.kernelSums[index] as RowFactors },
    ...(keepsOrder ? { keepsOrder } : {}),
  });
  const bias = index === WITH_BIAS ? [g.weight(`${prefix}.bias`, [outputs])] : [];
  return g.node('Conv', [rowSum(g, x, algorithm, index, inputs), weight, ...bias], {
    kernel_shape: [1, 3],
    strides: [1, 1],
    pads: [0, 1, 0, 1],
  });
}

/** One sum of rows for each m of the result, as a convolution of every channel for itself: [n, inputs, ⌈h/m⌉, w]. */
function rowSum(
  g: GraphBuilder,
  x: Value,
  { rowSums, productSums }: WinogradAlgorithm,
  index: number,
  channels: number,
): Value {
  const factors = rowSums[index] as readonly number[];
  const first = factors.findIndex((factor) => factor !== 0);
  const last = factors.findLastIndex((factor) => factor !== 0);
  // The first sum and the last have every other row.
  const dilation = factors[first + 1] === 0 ? 2 : 1;
  const taps = factors.filter((_, i) => i >= first && i <= last && (i - first) % dilation === 0);
  const kernels = Float32Array.from({ length: channels * taps.length }, (_, i) => taps[i % taps.length] as number);
  return g.node(
    'Conv',
    [x, g.constant(`row_sum${index}_of_${rowSums.length}.${channels}`, kernels, [channels, 1, taps.length, 1])],
    {
      kernel_shape: [taps.length, 1],
      dilations: [dilation, 1],
      strides: [productSums.length, 1],
      // The rows begin one above those of the result. As many are added below as make the height a multiple of m.
      pads: [1 - first, 0, last - 1, 0],
      group: channels,
    },
  );
}
