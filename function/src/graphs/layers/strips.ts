import type { Value } from '../graph-builder.ts';
import { dataTypes } from '../onnx-schema.ts';
import { GROUPS, type Layers } from './layers.ts';

/** A feature map [n, channels, h, w], or its strips: whole rows, from top to bottom. */
export interface Strips {
  /** One part is the map as it is. */
  readonly parts: readonly Value[];
  /** h · w of the whole map, float32 [1]; undefined where there is one part. */
  readonly area?: Value;
}

export interface ConvModule {
  /** Module name. */
  conv: string;
  inputs: number;
  outputs: number;
}

export interface NormThenConvOptions extends ConvModule {
  /** Module name of the GroupNorm. */
  norm: string;
  epsilon: number;
  /**
   * Made from the same strips as the input: computed part by part as the input is, so that those strips are not kept
   * until somebody asks for it.
   */
  along?: Strips | undefined;
}

/**
 * Layers for feature maps that are too large to have several of at once. A strip is computed with the rows of its
 * neighbours that it needs, and normalised by mean and variance of the whole map. So the numbers are those of the whole
 * map but for rounding, and what a layer needs besides its input and its output is of a strip's size.
 *
 * More strips than one are for the CPU's layout, channels before rows.
 */
export interface StripLayers {
  join(x: Strips): Value;
  add(a: Strips, b: Strips): Strips;
  /** 1×1 convolution. */
  project(x: Strips, module: ConvModule): Strips;
  /** GroupNorm, SiLU, 3×3 convolution. */
  normThenConv(x: Strips, options: NormThenConvOptions): Strips;
  /** Nearest-neighbour doubling and a 3×3 convolution, into so many strips. */
  doubleThenConv(x: Value, module: ConvModule, count: number): Strips;
}

const ROWS = 2;
/** The end of an axis, for `Slice`. */
const END = 2 ** 31 - 1;

export const whole = (x: Value): Strips => ({ parts: [x] });

export function createStripLayers(layers: Layers): StripLayers {
  const { g } = layers;
  const number = (value: number) => g.constant(`number.${value}`, Float32Array.of(value));
  const shape = (x: Value, start: number, end: number) => g.node('Shape', [x], { start, end });
  const rows = (x: Value, from: number, to: number) =>
    g.node('Slice', [x, g.integers(from), g.integers(to), g.integers(ROWS)]);
  const each = (strips: Strips, work: (index: number) => Value): Strips => ({
    ...strips,
    parts: strips.parts.map((_, i) => work(i)),
  });

  /**
   * Into strips that differ by one row at most. To use their memory, onnxruntime compares each value's shape with those of
   * all that were freed before it: half a second for so many, in which it finds none, as heights stay open until the graph
   * runs. So it is kept from knowing shapes.
   */
  function split(x: Value, count: number): Strips {
    const bounds = (first: number) => {
      const multiples = g.integers(...Array.from({ length: count }, (_, i) => first + i));
      return g.node('Div', [g.node('Mul', [shape(x, ROWS, ROWS + 1), multiples]), g.integers(count)]);
    };
    const heights = g.node('Sub', [bounds(1), bounds(0)]);
    const every = g.node('Cast', [g.integers(1, 1, 1, 1)], { to: dataTypes.bool });
    const unforeseen = g.node('Reshape', [x, g.node('Compress', [shape(x, 0, 4), every], { axis: 0 })]);
    const sides = g.node('Cast', [shape(x, ROWS, ROWS + 2)], { to: dataTypes.float32 });
    return {
      parts: g.nodes('Split', [unforeseen, heights], count, { axis: ROWS }),
      area: g.node('ReduceProd', [sides, g.integers(0)]),
    };
  }

  /** A strip between the last row above it and the first row below. */
  function withNeighbours(parts: readonly Value[], i: number): Value {
    const [above, below] = [parts[i - 1], parts[i + 1]];
    const all = [above && rows(above, -1, END), parts[i], below && rows(below, 0, 1)];
    return g.node(
      'Concat',
      all.filter((part) => part !== undefined),
      { axis: ROWS },
    );
  }

  /** Zeros stand for neighbours only where the picture ends. */
  const padsOf = (parts: readonly Value[], i: number) =>
    [i === 0 ? 1 : 0, 1, i === parts.length - 1 ? 1 : 0, 1] as const;

  /** By how much GroupNorm multiplies each channel, and what it adds then: [n, channels, 1, 1] each. */
  function normalization({ parts, area }: Strips, { norm, inputs: channels, epsilon, along }: NormThenConvOptions) {
    const width = channels / GROUPS;
    const perChannel = (x: Value) => g.node('Reshape', [x, g.integers(0, channels, 1, 1)]);
    const places = g.integers(ROWS, ROWS + 1);
    /** Of sums over places, [n, channels] of each strip, the mean of each group: [n, groups, 1]. */
    const meanOf = (sums: readonly Value[]) => {
      const grouped = g.node('Reshape', [g.node('Sum', sums), g.integers(0, GROUPS, width)]);
      const total = g.node('ReduceSum', [grouped, g.integers(2)]);
      return g.node('Div', [total, g.node('Mul', [area, number(width)])]);
    };
    const sums = parts.map((part, i) => {
      const sum = g.node('ReduceSum', [part, places], { keepdims: 0 });
      const other = along?.parts[i];
      // Operators run when what they make is wanted. The shape is the same, and is there once the other part is.
      return other === undefined ? sum : g.node('Reshape', [sum, shape(other, 0, ROWS)]);
    });
    const mean = meanOf(sums);
    const centre = perChannel(g.node('Expand', [mean, g.integers(1, 1, width)]));
    const squares = parts.map((part) =>
      g.node('ReduceSumSquare', [g.node('Sub', [part, centre]), places], { keepdims: 0 }),
    );
    const variance = g.node('Add', [meanOf(squares), g.constant(`epsilon.${epsilon}`, Float32Array.of(epsilon))]);
    const weight = (name: string) =>
      g.node('Reshape', [g.weight(`${norm}.${name}`, [channels]), g.integers(GROUPS, width)]);
    const scale = g.node('Div', [weight('weight'), g.node('Sqrt', [variance])]);
    const shift = g.node('Sub', [weight('bias'), g.node('Mul', [mean, scale])]);
    return { scale: perChannel(scale), shift: perChannel(shift) };
  }

  return {
    join: ({ parts }) => (parts.length === 1 ? (parts[0] as Value) : g.node('Concat', parts, { axis: ROWS })),
    add: (a, b) => each(a, (i) => g.node('Add', [a.parts[i], b.parts[i]])),
    project: (x, { conv, inputs, outputs }) =>
      each(x, (i) => {
        const projected = layers.conv(conv, x.parts[i] as Value, inputs, outputs, { kernel: 1 });
        // What goes from one convolution to others is kept in their order beside the common one, twice the memory, unless
        // an operator that knows only the common one comes between.
        return x.parts.length === 1 ? projected : g.node('Concat', [projected], { axis: ROWS });
      }),
    normThenConv(x, options) {
      const { norm, conv, inputs, outputs, epsilon } = options;
      if (x.parts.length === 1) {
        const normalized = layers.groupNorm(norm, x.parts[0] as Value, inputs, { epsilon, silu: true });
        return whole(layers.conv(conv, normalized, inputs, outputs, { kernel: 3 }));
      }
      const parts = x.parts.map((_, i) => withNeighbours(x.parts, i));
      const { scale, shift } = normalization(x, options);
      return each(x, (i) => {
        const normalized = layers.silu(g.node('Add', [g.node('Mul', [parts[i], scale]), shift]));
        return layers.conv(conv, normalized, inputs, outputs, { kernel: 3, pads: padsOf(parts, i) });
      });
    },
    doubleThenConv(x, { conv, inputs, outputs }, count) {
      if (count === 1) return whole(layers.conv(conv, layers.double(x), inputs, outputs, { kernel: 3 }));
      const { parts, area } = split(x, count);
      const doubled = parts.map((_, i) => layers.double(withNeighbours(parts, i)));
      return {
        parts: doubled.map((part, i) => {
          const convolved = layers.conv(conv, part, inputs, outputs, { kernel: 3, pads: padsOf(parts, i) });
          // A neighbour's row has become two, one more than is needed.
          return rows(convolved, i === 0 ? 0 : 1, i === count - 1 ? END : -1);
        }),
        area: g.node('Mul', [area, number(4)]),
      };
    },
  };
}
