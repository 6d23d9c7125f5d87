import type { DataType, FloatType, WeightType } from './onnx-schema.ts';

/** A dimension: a number, or the name of one that stays open until the graph runs. */
export type Dim = number | string;

/** A tensor inside a graph, by name. */
export interface Value {
  readonly name: string;
}

/** A tensor of the checkpoint, or rows of one. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** From which row on, and up to which. @defaultValue all */
  readonly rows?: readonly [start: number, end: number];
}

/** How often each of a kernel's three rows counts in a sum of them. */
export type RowFactors = readonly [number, number, number];

/** How a weight is made from tensors of the checkpoint. */
export type Arrangement =
  /** One tensor's values in the order they are stored in; the shape may be another. */
  | 'as_stored'
  /** A convolution's [outputs, inputs, h, w] as [outputs, h, w, inputs]. */
  | 'channels_last'
  /** The rows of several matrices, a head's rows of the first, then its rows of the second, …, then the next head's. */
  | { readonly interleavedHeads: number }
  /** [outputs, inputs, …] as int8 columns [… · inputs, outputs], inputs last: each output's values divided by its scale. */
  | 'quantized'
  /** [outputs]: the scales of the quantized values, by which the largest of each output is 127. */
  | 'quantization_scales'
  /** A convolution's [outputs, inputs, 3, 3] as sums of each kernel's rows, [outputs, inputs, 1, 3]. */
  | { readonly kernelRows: RowFactors };

/** A weight the graph needs from the checkpoint. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: WeightType;
  readonly sources: readonly StoredTensor[];
  readonly arrangement: Arrangement;
  /** Whether onnxruntime must leave the values in this order when it creates a session. */
  readonly keepsOrder?: boolean;
}

export interface ConstantSpec {
  readonly name: string;
  readonly type: DataType;
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface NodeSpec {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface PortSpec {
  readonly name: string;
  readonly type: DataType;
  readonly dims: readonly Dim[];
}

/** A graph as plain data: which operators, which weights; no weight values. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly PortSpec[];
  readonly outputs: readonly PortSpec[];
  readonly nodes: readonly NodeSpec[];
  readonly weights: readonly WeightSpec[];
  readonly constants: readonly ConstantSpec[];
}

/** Contrib operators of ONNX Runtime. */
export const MICROSOFT_DOMAIN = 'com.microsoft';

/** Collects the operators of one graph. Nodes are appended in the order they run. */
export class GraphBuilder {
  readonly #name: string;
  readonly #inputs: PortSpec[] = [];
  readonly #outputs: PortSpec[] = [];
  readonly #nodes: NodeSpec[] = [];
  readonly #weights = new Map<string, WeightSpec>();
  readonly #constants = new Map<string, ConstantSpec>();
  #values = 0;

  constructor(name: string) {
    this.#name = name;
  }

  input(name: string, type: DataType, dims: readonly Dim[]): Value {
    this.#inputs.push({ name, type, dims });
    return { name };
  }

  output(value: Value, name: string, type: DataType, dims: readonly Dim[]): void {
    this.#append('Identity', [value], [name], {}, '');
    this.#outputs.push({ name, type, dims });
  }

  /** Appends an operator with one output. An undefined input is an optional one left out. */
  node(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Record<string, Attribute> = {},
    domain = '',
  ): Value {
    const name = this.#newName(opType);
    this.#append(opType, inputs, [name], attributes, domain);
    return { name };
  }

  /** Appends an operator with several outputs. */
  nodes(
    opType: string,
    inputs: readonly (Value | undefined)[],
    outputCount: number,
    attributes: Record<string, Attribute> = {},
  ): Value[] {
    const names = Array.from({ length: outputCount }, () => this.#newName(opType));
    this.#append(opType, inputs, names, attributes, '');
    return names.map((name) => ({ name }));
  }

  /** Refers to a tensor of the checkpoint as it is. The same weight may be asked for more than once. */
  weight(name: string, shape: readonly number[], type: FloatType = 'float32'): Value {
    return this.arrangedWeight({ name, shape, type, sources: [{ name, shape }], arrangement: 'as_stored' });
  }

  /** Refers to a weight that is made from tensors of the checkpoint. Equal names must be made equally. */
  arrangedWeight(spec: WeightSpec): Value {
    this.#weights.set(spec.name, spec);
    return { name: spec.name };
  }

  /** A small tensor kept inside the graph file. Equal names must carry equal data. */
  constant(name: string, data: Float32Array | BigInt64Array, dims: readonly number[] = [data.length]): Value {
    const type = data instanceof Float32Array ? 'float32' : 'int64';
    this.#constants.set(name, { name, type, dims, data });
    return { name };
  }

  /** A 1-D int64 constant named after its values: shapes, axes, starts. */
  integers(...values: number[]): Value {
    return this.constant(`integers.${values.join('_')}`, BigInt64Array.from(values, BigInt));
  }

  build(): Graph {
    return {
      name: this.#name,
      inputs: this.#inputs,
      outputs: this.#outputs,
      nodes: this.#nodes,
      weights: [...this.#weights.values()],
      constants: [...this.#constants.values()],
    };
  }

  #newName(opType: string): string {
    this.#values += 1;
    return `${opType}.${this.#values}`;
  }

  #append(
    opType: string,
    inputs: readonly (Value | undefined)[],
    outputs: readonly string[],
    attributes: Record<string, Attribute>,
    domain: string,
  ): void {
    const inputNames = inputs.map((input) => input?.name ?? '');
    this.#nodes.push({ name: outputs[0] ?? opType, opType, domain, inputs: inputNames, outputs, attributes });
  }
}
