/**
 * The part of ONNX's protobuf schema that we write (onnx/onnx.proto, Apache-2.0; field numbers are the format).
 */
import protobuf from 'protobufjs/light.js';

const messages = {
  ModelProto: {
    irVersion: [1, 'int64'],
    producerName: [2, 'string'],
    graph: [7, 'GraphProto'],
    opsetImport: [8, 'OperatorSetIdProto', 'repeated'],
  },
  OperatorSetIdProto: { domain: [1, 'string'], version: [2, 'int64'] },
  GraphProto: {
    node: [1, 'NodeProto', 'repeated'],
    name: [2, 'string'],
    initializer: [5, 'TensorProto', 'repeated'],
    input: [11, 'ValueInfoProto', 'repeated'],
    output: [12, 'ValueInfoProto', 'repeated'],
  },
  NodeProto: {
    input: [1, 'string', 'repeated'],
    output: [2, 'string', 'repeated'],
    name: [3, 'string'],
    opType: [4, 'string'],
    attribute: [5, 'AttributeProto', 'repeated'],
    domain: [7, 'string'],
  },
  AttributeProto: {
    name: [1, 'string'],
    f: [2, 'float'],
    i: [3, 'int64'],
    s: [4, 'bytes'],
    ints: [8, 'int64', 'repeated'],
    type: [20, 'int32'],
  },
  TensorProto: {
    dims: [1, 'int64', 'repeated'],
    dataType: [2, 'int32'],
    name: [8, 'string'],
    rawData: [9, 'bytes'],
    externalData: [13, 'StringStringEntryProto', 'repeated'],
    dataLocation: [14, 'int32'],
  },
  StringStringEntryProto: { key: [1, 'string'], value: [2, 'string'] },
  ValueInfoProto: { name: [1, 'string'], type: [2, 'TypeProto'] },
  TypeProto: { tensorType: [1, 'TensorTypeProto'] },
  TensorTypeProto: { elemType: [1, 'int32'], shape: [2, 'TensorShapeProto'] },
  TensorShapeProto: { dim: [1, 'DimensionProto', 'repeated'] },
  DimensionProto: { dimValue: [1, 'int64'], dimParam: [2, 'string'] },
} as const satisfies Record<string, Record<string, readonly [number, string, 'repeated'?]>>;

/** `TensorProto.DataType` */
export const dataTypes = { float32: 1, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10 } as const;
export type DataType = keyof typeof dataTypes;
export type FloatType = Extract<DataType, 'float32' | 'float16'>;
/** What weights are stored in. */
export type WeightType = FloatType | 'int8';

/** `AttributeProto.AttributeType` */
export const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** `TensorProto.DataLocation.EXTERNAL` */
export const EXTERNAL_DATA = 1;

function createModelType(): protobuf.Type {
  const root = new protobuf.Root();
  for (const [name, fields] of Object.entries(messages)) {
    const type = new protobuf.Type(name);
    for (const [field, [id, fieldType, rule]] of Object.entries<readonly [number, string, 'repeated'?]>(fields)) {
      type.add(new protobuf.Field(field, id, fieldType, rule));
    }
    root.add(type);
  }
  return root.lookupType('ModelProto');
}

const modelType = createModelType();

/** Serialises a `ModelProto` given as a plain object with the field names above. */
export function encodeModelProto(model: Record<string, unknown>): Uint8Array {
  return modelType.encode(modelType.create(model)).finish();
}
