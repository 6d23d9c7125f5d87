import type { Attribute, ConstantSpec, Graph, PortSpec, WeightSpec } from './graph-builder.ts';
import { MICROSOFT_DOMAIN } from './graph-builder.ts';
import { attributeTypes, dataTypes, EXTERNAL_DATA, encodeModelProto } from './onnx-schema.ts';

/** ONNX operator set the graphs are written against; 20 is the first with Gelu. */
const OPSET_VERSION = 20;
const IR_VERSION = 9;
/** Weights start at multiples of this: a cache line, so that vector loads from the mapped file are aligned. */
const WEIGHT_ALIGNMENT = 64;

/** Where one weight lies in the weights file. */
export interface WeightPlacement {
  readonly weight: WeightSpec;
  readonly offset: number;
  readonly byteLength: number;
}

/** Of one value of a weight. */
export const elementBytes = { float32: 4, float16: 2, int8: 1 } as const;

/** Lays the weights of a graph out one behind the other, aligned. */
export function placeWeights(graph: Graph): { placements: WeightPlacement[]; byteLength: number } {
  let end = 0;
  const placements = graph.weights.map((weight) => {
    const offset = Math.ceil(end / WEIGHT_ALIGNMENT) * WEIGHT_ALIGNMENT;
    const byteLength = weight.shape.reduce((product, dim) => product * dim, elementBytes[weight.type]);
    end = offset + byteLength;
    return { weight, offset, byteLength };
  });
  return { placements, byteLength: end };
}

/**
 * Serialises a graph as an ONNX model whose weights lie in a file beside it.
 * @param weightsFile Name of that file, relative to the model's folder.
 * @param owner The graph that the file is laid out for; this one's weights are among its own. @defaultValue the graph itself
 */
export function encodeOnnx(graph: Graph, weightsFile: string, owner: Graph = graph): Uint8Array {
  const placed = new Map(placeWeights(owner).placements.map((placement) => [placement.weight.name, placement]));
  const weights = graph.weights.map(({ name }) => {
    const placement = placed.get(name);
    if (placement === undefined) throw new Error(`The graph ${owner.name} has no weight ${name}`);
    return externalTensor(placement, weightsFile);
  });
  return encodeModelProto({
    irVersion: IR_VERSION,
    producerName: 'safelight',
    opsetImport: [
      { domain: '', version: OPSET_VERSION },
      { domain: MICROSOFT_DOMAIN, version: 1 },
    ],
    graph: {
      name: graph.name,
      // A weight that is declared as an input too could be fed, so onnxruntime does not rearrange it beforehand.
      input: [...graph.inputs, ...graph.weights.filter(({ keepsOrder }) => keepsOrder).map(weightPort)].map(valueInfo),
      output: graph.outputs.map(valueInfo),
      initializer: [...weights, ...graph.constants.map(inlineTensor)],
      node: graph.nodes.map((node) => ({
        name: node.name,
        opType: node.opType,
        domain: node.domain,
        input: node.inputs,
        output: node.outputs,
        attribute: Object.entries(node.attributes).map(([name, value]) => ({ name, ...attributeValue(value) })),
      })),
    },
  });
}

function externalTensor({ weight, offset, byteLength }: WeightPlacement, location: string) {
  return {
    name: weight.name,
    dims: weight.shape,
    dataType: dataTypes[weight.type],
    dataLocation: EXTERNAL_DATA,
    externalData: [
      { key: 'location', value: location },
      { key: 'offset', value: String(offset) },
      { key: 'length', value: String(byteLength) },
    ],
  };
}

function weightPort({ name, type, shape }: WeightSpec): PortSpec {
  return { name, type, dims: shape };
}

function inlineTensor({ name, type, dims, data }: ConstantSpec) {
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dims, dataType: dataTypes[type], rawData };
}

function valueInfo({ name, type, dims }: PortSpec) {
  const dim = dims.map((value) => (typeof value === 'number' ? { dimValue: value } : { dimParam: value }));
  return { name, type: { tensorType: { elemType: dataTypes[type], shape: { dim } } } };
}

function attributeValue(value: Attribute) {
  if (typeof value === 'number') return { type: attributeTypes.int, i: value };
  if (typeof value === 'string') return { type: attributeTypes.string, s: new TextEncoder().encode(value) };
  if ('float' in value) return { type: attributeTypes.float, f: value.float };
  return { type: attributeTypes.ints, ints: value };
}
