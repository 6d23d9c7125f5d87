import {
  type Attribute,
  type ConstantSpec,
  type Graph,
  MICROSOFT_DOMAIN,
  type NodeSpec,
  type WeightSpec,
} from './graph-builder.ts';

/** Slices up to here reach the end, whatever the size. */
const END = 2 ** 31 - 1;

/**
 * Says a graph's convolutions and products with weights in 8-bit integers, for the CPU. Weights are symmetric int8 with a scale for each
 * output. What they are applied to becomes uint8 as it comes, over the range that it has just then (`DynamicQuantizeLinear`), so
 * nothing has to be calibrated; sums are exact, and results float32. A convolution becomes a product too, of every place's
 * neighbourhood: onnxruntime has no fast integer convolution with float32 results.
 * @param isKept Says of a weight, by its name, that its layer stays as it is.
 */
export function quantize(graph: Graph, isKept: (weight: string) => boolean): Graph {
  const weights = new Map(graph.weights.map((weight) => [weight.name, weight]));
  const quantizer = new Quantizer(graph.constants);
  let bias: NodeSpec | undefined;
  for (const [i, node] of graph.nodes.entries()) {
    const weight = weights.get(node.inputs[1] ?? '');
    const layer = weight === undefined || isKept(weight.name) ? undefined : layers[node.opType];
    if (weight !== undefined && layer !== undefined) {
      bias = biasAfter(node, graph.nodes[i + 1], weights);
      const { outputs } = bias ?? node;
      layer(quantizer, { ...node, inputs: [...node.inputs, ...(bias?.inputs.slice(1) ?? [])], outputs }, weight);
    } else if (node !== bias) quantizer.nodes.push(node);
  }
  const used = new Set(quantizer.nodes.flatMap(({ inputs }) => inputs));
  return {
    ...graph,
    nodes: quantizer.nodes,
    weights: [...graph.weights, ...quantizer.weights].filter(({ name }) => used.has(name)),
    constants: [...quantizer.constants.values()],
  };
}

/** The next node where it adds a bias to a product that nothing else takes: so linear layers are written. */
function biasAfter(
  product: NodeSpec,
  next: NodeSpec | undefined,
  weights: ReadonlyMap<string, WeightSpec>,
): NodeSpec | undefined {
  if (product.opType !== 'FusedMatMul' || next?.opType !== 'Add') return undefined;
  const [x, bias = ''] = next.inputs;
  return x === product.outputs[0] && weights.has(bias) ? next : undefined;
}

const layers: Record<string, (quantizer: Quantizer, node: NodeSpec, weight: WeightSpec) => void> = {
  FusedMatMul(quantizer, { inputs: [x = '', , bias], outputs }, weight) {
    quantizer.multiply(quantizer.quantized(x), weight, bias, outputs);
  },
  Conv(quantizer, { inputs: [x = '', , bias], outputs, attributes }, weight) {
    const { values, ...range } = quantizer.quantized(x);
    const places = quantizer.node('Transpose', [values], { perm: [0, 2, 3, 1] });
    const kernel = attributes.kernel_shape as readonly number[];
    const isPointwise = kernel.every((side) => side === 1);
    const surroundings = isPointwise ? places : neighbourhoods(quantizer, places, range.zero, attributes);
    const product = quantizer.multiply({ values: surroundings, ...range }, weight, bias);
    quantizer.node('Transpose', [product], { perm: [0, 3, 1, 2] }, { outputs });
  },
};

/** [n, h, w, channels] → [n, h', w', kernel · kernel · channels]: what a convolution multiplies for each place of its result. */
function neighbourhoods(
  quantizer: Quantizer,
  places: string,
  zero: string,
  attributes: Readonly<Record<string, Attribute>>,
): string {
  const { kernel_shape, strides, pads } = attributes as Record<string, readonly number[]>;
  const [rows = 1, columns = 1] = kernel_shape ?? [];
  const [top = 0, left = 0, bottom = 0, right = 0] = pads ?? [];
  const padded = quantizer.node('Pad', [places, quantizer.integers(0, top, left, 0, 0, bottom, right, 0), zero]);
  const shifted: string[] = [];
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      // As far from the end as the rest of the kernel reaches.
      const ends = [row - rows + 1 || END, column - columns + 1 || END];
      const bounds = [[row, column], ends, [1, 2], strides ?? [1, 1]].map((values) => quantizer.integers(...values));
      shifted.push(quantizer.node('Slice', [padded, ...bounds]));
    }
  }
  return quantizer.node('Concat', shifted, { axis: 3 });
}

/** A value in uint8, with the scale and the zero point that were found for it. */
interface QuantizedValue {
  readonly values: string;
  readonly scale: string;
  readonly zero: string;
}

/** Collects what a graph is made of when its layers are quantized. */
class Quantizer {
  readonly nodes: NodeSpec[] = [];
  readonly weights: WeightSpec[] = [];
  readonly constants: Map<string, ConstantSpec>;
  readonly #quantized = new Map<string, QuantizedValue>();

  constructor(constants: readonly ConstantSpec[]) {
    this.constants = new Map(constants.map((constant) => [constant.name, constant]));
  }

  /** Appends an operator. @returns Its first output. */
  node(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    { outputs = [`quantized.${this.nodes.length}`], domain = '' }: Partial<Pick<NodeSpec, 'outputs' | 'domain'>> = {},
  ): string {
    const [first = ''] = outputs;
    this.nodes.push({ name: first, opType, domain, inputs, outputs, attributes });
    return first;
  }

  integers(...values: number[]): string {
    const name = `integers.${values.join('_')}`;
    this.constants.set(name, { name, type: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) });
    return name;
  }

  /** A float32 value in uint8, once for all that take it. */
  quantized(x: string): QuantizedValue {
    const known = this.#quantized.get(x);
    if (known !== undefined) return known;
    const quantized = { values: `${x}.quantized`, scale: `${x}.scale`, zero: `${x}.zero` };
    this.node('DynamicQuantizeLinear', [x], {}, { outputs: Object.values(quantized) });
    this.#quantized.set(x, quantized);
    return quantized;
  }

  /** The product with a layer's weight, and its bias, in float32. */
  multiply(
    { values, scale, zero }: QuantizedValue,
    { name, sources, shape: [outputs = 1, ...rest] }: WeightSpec,
    bias?: string,
    into?: readonly string[],
  ): string {
    const inputs = rest.reduce((product, dim) => product * dim, 1);
    const columns: WeightSpec = {
      name: `${name}.quantized`,
      shape: [inputs, outputs],
      type: 'int8',
      sources,
      arrangement: 'quantized',
    };
    const scales: WeightSpec = {
      name: `${name}.scales`,
      shape: [outputs],
      type: 'float32',
      sources,
      arrangement: 'quantization_scales',
    };
    this.weights.push(columns, scales);
    const operands = [values, columns.name, scale, scales.name, zero, '', ...(bias === undefined ? [] : [bias])];
    return this.node(
      'MatMulIntegerToFloat',
      operands,
      {},
      { ...(into && { outputs: into }), domain: MICROSOFT_DOMAIN },
    );
  }
}
