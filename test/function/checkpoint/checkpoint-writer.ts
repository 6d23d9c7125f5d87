/** Writes checkpoints for the tests, in every format the readers know. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ElementType } from '../../../function/src/checkpoint/tensor-source.ts';
import { embeddedModelFolder } from '../../support/embedded-model.ts';

export interface TensorData {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}
export type Tensors = ReadonlyMap<string, TensorData>;

/** A float32 tensor. */
export function floats(shape: readonly number[], values: readonly number[]): TensorData {
  return { type: 'F32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

/** The tensors of the embedded model: the original layout in small. */
export async function readMiniTensors(): Promise<Map<string, TensorData>> {
  const file = await readFile(join(embeddedModelFolder, 'mini.safetensors'));
  const headerEnd = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, headerEnd)) as Record<
    string,
    { dtype: ElementType; shape: number[]; data_offsets: [number, number] }
  >;
  const { __metadata__: _, ...entries } = header;
  return new Map(
    Object.entries(entries).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [start, end],
        },
      ]) => [name, { type: dtype, shape, bytes: file.subarray(headerEnd + start, headerEnd + end) }],
    ),
  );
}

export function encodeSafetensors(tensors: Tensors): Buffer {
  let end = 0;
  const header = Object.fromEntries(
    [...tensors].map(([name, { type, shape, bytes }]) => {
      const start = end;
      end += bytes.length;
      return [name, { dtype: type, shape, data_offsets: [start, end] }];
    }),
  );
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...[...tensors.values()].map(({ bytes }) => bytes)]);
}

export function encodeTorchZip(tensors: Tensors, nesting: readonly string[] = ['state_dict']): Buffer {
  const storages = [...tensors.values()].map(({ bytes }, i): [string, Uint8Array] => [`archive/data/${i}`, bytes]);
  return encodeZip([
    ['archive/data.pkl', encodeStateDict(tensors, nesting)],
    ...storages,
    ['archive/version', Buffer.from('3\n')],
  ]);
}

export function encodeTorchLegacy(tensors: Tensors, nesting: readonly string[] = ['state_dict']): Buffer {
  const magic = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex');
  const version = Buffer.from('80024de9032e', 'hex');
  const machine = pickle('}', text('little_endian'), '\x88s');
  const keys = pickle('](', ...[...tensors.keys()].map((_, i) => text(String(i))), 'e');
  const storages = [...tensors.values()].flatMap(({ shape, bytes }) => {
    const length = Buffer.alloc(8);
    length.writeBigInt64LE(BigInt(shape.reduce((product, dim) => product * dim, 1)));
    return [length, bytes];
  });
  return Buffer.concat([magic, version, machine, encodeStateDict(tensors, nesting), keys, ...storages]);
}

/** A pickle of protocol 2; strings are instructions, one character a byte. */
export function pickle(...parts: (string | Buffer)[]): Buffer {
  return Buffer.concat(['\x80\x02', ...parts, '.'].map((part) => Buffer.from(part as string, 'latin1')));
}

export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from('X'), uint32(bytes.length), bytes]);
}

export function integer(value: number): Buffer {
  return Buffer.concat([Buffer.from('J'), uint32(value)]);
}

/** `GLOBAL`: a module and a name. */
export function named(module: string, name: string): string {
  return `c${module}\n${name}\n`;
}

const storageNames: Partial<Record<ElementType, string>> = {
  F32: 'FloatStorage',
  F16: 'HalfStorage',
  BF16: 'BFloat16Storage',
  F64: 'DoubleStorage',
  I64: 'LongStorage',
};

/** What pushes a tensor that is storage `key`, whole. */
export function tensorPickle(key: string, { type, shape, bytes }: TensorData, offset = 0): Buffer {
  const elementSize = { F64: 8, I64: 8, F32: 4 }[type as 'F32'] ?? 2;
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, dim) => product * dim, 1));
  const tuple = (values: readonly number[]) => ['(', ...values.map(integer), 't'];
  const parts = [
    named('torch._utils', '_rebuild_tensor_v2'),
    ...['((', text('storage'), named('torch', storageNames[type] ?? 'none'), text(key), text('cpu')],
    ...[integer(bytes.length / elementSize), 'tQ', integer(offset)],
    ...[...tuple(shape), ...tuple(strides), '\x89', named('collections', 'OrderedDict'), ')RtR'],
  ];
  return Buffer.concat(parts.map((part) => Buffer.from(part as string, 'latin1')));
}

function encodeStateDict(tensors: Tensors, nesting: readonly string[]): Buffer {
  const items = [...tensors].flatMap(([name, tensor], i) => [text(name), tensorPickle(String(i), tensor)]);
  return pickle(...nesting.flatMap((key) => ['}(', text(key)]), ...['}(', ...items, 'u'], ...nesting.map(() => 'u'));
}

/** A zip of stored files. */
export function encodeZip(files: readonly (readonly [string, Uint8Array])[]): Buffer {
  const parts: Uint8Array[] = [];
  const directory: Buffer[] = [];
  let position = 0;
  for (const [name, bytes] of files) {
    const nameBytes = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(nameBytes.length, 22);
    parts.push(Buffer.from('PK\x03\x04'), common, nameBytes, bytes);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(position, 10);
    directory.push(Buffer.from('PK\x01\x02\x00\x00'), common, rest, nameBytes);
    position += 30 + nameBytes.length + bytes.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(position, 16);
  return Buffer.concat([...parts, listing, end]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
