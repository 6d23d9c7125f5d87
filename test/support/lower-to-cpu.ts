import {
  type Attribute,
  type ConstantSpec,
  type Graph,
  MICROSOFT_DOMAIN,
  type NodeSpec,
} from '../../function/src/graphs/graph-builder.ts';
import { dataTypes } from '../../function/src/graphs/onnx-schema.ts';

/** Appends operators in the place of one that the CPU provider does not have. */
class Replacement {
  readonly nodes: NodeSpec[] = [];
  readonly constants: ConstantSpec[] = [];
  readonly #original: NodeSpec;

  constructor(original: NodeSpec) {
    this.#original = original;
  }

  /** @param output Which of the original's outputs this is; absent, a value in between. */
  node(opType: string, inputs: string[], attributes: Record<string, Attribute> = {}, output?: number): string {
    return this.append(opType, inputs, attributes, [this.#name(output)])[0] as string;
  }

  split(input: string, axis: number, count: number): string[] {
    const outputs = Array.from({ length: count }, (_, i) => `${this.#original.name}.part${i}`);
    return this.append('Split', [input], { axis, num_outputs: count }, outputs);
  }

  contrib(opType: string, inputs: string[], attributes: Readonly<Record<string, Attribute>>, output: number): void {
    const outputs = [this.#name(output)];
    this.nodes.push({ name: outputs[0] as string, opType, domain: MICROSOFT_DOMAIN, inputs, outputs, attributes });
  }

  integers(...values: number[]): string {
    const name = `${this.#original.name}.integers${this.constants.length}`;
    this.constants.push({ name, type: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) });
    return name;
  }

  floats(...values: number[]): string {
    const name = `${this.#original.name}.floats${this.constants.length}`;
    this.constants.push({ name, type: 'float32', dims: [values.length], data: Float32Array.from(values) });
    return name;
  }

  append(opType: string, inputs: string[], attributes: Record<string, Attribute>, outputs: string[]): string[] {
    this.nodes.push({ name: outputs[0] as string, opType, domain: '', inputs, outputs, attributes });
    return outputs;
  }

  #name(output: number | undefined): string {
    if (output !== undefined) return this.#original.outputs[output] as string;
    return `${this.#original.name}.lowered${this.nodes.length}`;
  }
}

type Lowering = (to: Replacement, node: NodeSpec) => void;

const toNchw = { perm: [0, 3, 1, 2] };
const toNhwc = { perm: [0, 2, 3, 1] };

/** What each operator does, said in operators that the CPU provider has; from their schemas' texts. */
const lowerings: Record<string, Lowering> = {
  NhwcConv(to, { inputs: [x, weight, ...bias], attributes }) {
    const image = to.node('Transpose', [x as string], toNchw);
    const kernels = to.node('Transpose', [weight as string], toNchw);
    to.node('Transpose', [to.node('Conv', [image, kernels, ...bias], attributes)], toNhwc, 0);
  },

  GroupNorm(to, { inputs: [x, gamma, beta], attributes }) {
    groupNorm(to, x as string, [gamma as string, beta as string], attributes);
  },

  SkipGroupNorm(to, { inputs: [x, gamma, beta, skip, bias], attributes }) {
    const biased = to.node('Add', [x as string, bias as string]);
    const perPicture = to.node('Unsqueeze', [skip as string, to.integers(1, 2)]);
    groupNorm(to, to.node('Add', [biased, perPicture]), [gamma as string, beta as string], attributes);
  },

  BiasSplitGelu(to, { inputs: [x, bias] }) {
    const [value, gate] = to.split(to.node('Add', [x as string, bias as string]), -1, 2) as [string, string];
    to.node('Mul', [value, to.node('Gelu', [gate])], {}, 0);
  },

  MultiHeadAttention(to, { inputs: [query, key = ''], attributes }) {
    const unpack = (packed: string, parts: number) =>
      to.split(packed, 3, parts).map((part) => to.node('Reshape', [part, to.integers(0, 0, -1)]));
    const inputs = key === '' ? unpack(query as string, 3) : [query as string, ...unpack(key as string, 2)];
    to.contrib('MultiHeadAttention', inputs, attributes, 0);
  },
};

function groupNorm(
  to: Replacement,
  x: string,
  [gamma, beta]: [string, string],
  { groups, epsilon, activation }: NodeSpec['attributes'],
): void {
  const image = to.node('Transpose', [to.node('Cast', [x], { to: dataTypes.float32 })], toNchw);
  const grouped = to.node('Reshape', [image, to.integers(0, groups as number, -1)]);
  const ones = to.floats(...new Array<number>(groups as number).fill(1));
  const zeros = to.floats(...new Array<number>(groups as number).fill(0));
  const normalized = to.node('InstanceNormalization', [grouped, ones, zeros], { epsilon: epsilon as Attribute });
  const restored = to.node('Transpose', [to.node('Reshape', [normalized, to.node('Shape', [image])])], toNhwc);
  const scaled = to.node('Add', [to.node('Mul', [restored, gamma]), beta]);
  const activated = activation === 1 ? to.node('Mul', [scaled, to.node('Sigmoid', [scaled])]) : scaled;
  to.node('Cast', [activated], { to: dataTypes.float16 }, 0);
}

function needsLowering({ opType, inputs: [, key = '', value = ''] }: NodeSpec): boolean {
  const isUnpacked = opType === 'MultiHeadAttention' && key !== '' && value !== '';
  return Object.hasOwn(lowerings, opType) && !isUnpacked;
}

/** The operators in a graph that only the CUDA provider has. */
export function cudaOnlyOperators(graph: Graph): Set<string> {
  return new Set(graph.nodes.filter(needsLowering).map(({ opType }) => opType));
}

/**
 * Says a graph for the CUDA provider in operators that the CPU provider has, so that its wiring, its layouts and its
 * weights can be tested on any machine. Weights stay as they are.
 */
export function lowerToCpu(graph: Graph): Graph {
  const replacements = graph.nodes.map((node) => {
    if (!needsLowering(node)) return { nodes: [node], constants: [] };
    const replacement = new Replacement(node);
    lowerings[node.opType]?.(replacement, node);
    return replacement;
  });
  return {
    ...graph,
    nodes: replacements.flatMap(({ nodes }) => nodes),
    constants: [...graph.constants, ...replacements.flatMap(({ constants }) => constants)],
  };
}
