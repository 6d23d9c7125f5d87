import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inferModelConfig } from '../../../function/src/checkpoint/infer-model-config.ts';
import { createCheckpoint } from '../../../function/src/checkpoint/open-checkpoint.ts';
import { readFile as readCheckpointFile } from '../../../function/src/checkpoint/open-file.ts';
import { readZipEntries, type ZipEntry } from '../../../function/src/checkpoint/zip-entries.ts';
import { FunctionError } from '../../../function/src/errors.ts';
import { encodeSafetensors, encodeTorchLegacy, encodeTorchZip, encodeZip, floats } from './checkpoint-writer.ts';
import { memoryBytes } from './memory-bytes.ts';

export interface FuzzReport {
  files: number;
  /** Opened; of their tensors any may be refused. */
  opened: number;
  refused: number;
  slowestMs: number;
}

/** Bytes that mean something to one of the formats: lengths, signatures, instructions. */
const telling = [
  ...['PK\x01\x02', 'PK\x03\x04', 'PK\x05\x06', 'PK\x06\x06', 'PK\x06\x07', '\xff\xff\xff\xff', '\x01\0\x10\0'],
  ...[
    '}',
    ']',
    '(',
    't',
    'u',
    'R',
    'Q',
    'b',
    'o',
    '.',
    'h\0',
    'r\xff\xff\xff\xff',
    '2',
    '\x8b\xff\xff\xff\x7f',
    '\x8a\xff',
  ],
  ...[
    'cos\nsystem\n',
    'X\xff\xff\xff\x7f',
    '[9007199254740993]',
    '-1',
    '1e999',
    '"shape":[',
    '"F16"',
    '__proto__',
    '{',
  ],
];

/**
 * Reads files that differ from good ones in a few places. Every one must be read or refused with a reason.
 * @throws Whatever else happens, with the iteration that made it.
 */
export async function fuzzFiles(iterations: number, seed: number): Promise<FuzzReport> {
  const corpus = await loadCorpus();
  const report: FuzzReport = { files: 0, opened: 0, refused: 0, slowestMs: 0 };
  for (let i = 0; i < iterations; i += 1) {
    const random = createRandom(seed + i);
    const bytes = mutate(corpus, random);
    const start = performance.now();
    try {
      await readEverything(bytes);
      report.opened += 1;
    } catch (error) {
      if (!(error instanceof FunctionError)) throw new Error(`Iteration ${i} of seed ${seed}`, { cause: error });
      report.refused += 1;
    }
    report.files += 1;
    report.slowestMs = Math.max(report.slowestMs, performance.now() - start);
  }
  return report;
}

/** Opens a file, takes it for a model, and reads all its tensors. */
async function readEverything(bytes: Uint8Array): Promise<void> {
  const file = await readCheckpointFile(memoryBytes(bytes));
  const parts = [{ holds: 'model' as const, file }];
  await mayRefuse(() => inferModelConfig(file));
  await mayRefuse(() => createCheckpoint({ parts, layout: 'compvis', settings: {} }, 'model.ckpt'));
  for (const name of file.tensors.keys()) await mayRefuse(() => file.readFloat32(name));
}

async function mayRefuse(attempt: () => unknown): Promise<void> {
  try {
    await attempt();
  } catch (error) {
    if (!(error instanceof FunctionError)) throw error;
  }
}

/** A file, as the part of it that is changed and how the whole is made of that part. */
interface Specimen {
  readonly part: Uint8Array;
  readonly assemble: (part: Uint8Array) => Uint8Array;
}

/** What PyTorch saved, small files of every format, and one with the names of a model. */
async function loadCorpus(): Promise<Specimen[]> {
  const folder = join(import.meta.dirname, '../../fixtures/checkpoints');
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.ckpt')).sort();
  const saved = await Promise.all(names.map((name) => readFile(join(folder, name))));
  const tiny = new Map([
    ['weight', floats([2, 3], [0, 1, 2, 3, 4, 5])],
    ['empty', floats([0], [])],
  ]);
  const model = new Map(
    [
      'model.diffusion_model.input_blocks.0.0.weight',
      'model.diffusion_model.input_blocks.1.0.in_layers.2.weight',
      'first_stage_model.encoder.down.0.block.0.conv1.weight',
      'cond_stage_model.transformer.text_model.encoder.layers.1.mlp.fc1.weight',
      'model_ema.decay',
    ].map((name) => [name, floats([32, 4, 1, 1], new Array(128).fill(0.5))]),
  );
  const written = [tiny, model].flatMap((tensors) => [encodeTorchZip(tensors), encodeTorchLegacy(tensors)]);
  const headers = [tiny, model].flatMap((tensors) => dissectSafetensors(encodeSafetensors(tensors)));
  const dissected = await Promise.all([...saved, ...written].map(dissectZip));
  return [...headers, ...dissected.flat()];
}

/** The file as it is, and its header alone, so that changes reach what lies behind the check of its length. */
function dissectSafetensors(file: Buffer): Specimen[] {
  const headerEnd = 8 + Number(file.readBigUInt64LE(0));
  const assemble = (header: Uint8Array) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    return Buffer.concat([length, header, file.subarray(headerEnd)]);
  };
  return [asItIs(file), { part: file.subarray(8, headerEnd), assemble }];
}

/** The file as it is and, of a zip, its pickle alone. */
async function dissectZip(file: Buffer): Promise<Specimen[]> {
  if (!file.toString('latin1').startsWith('PK')) return [asItIs(file)];
  const entries = [...(await readZipEntries(memoryBytes(file))).values()];
  const assemble = (pickle: Uint8Array) =>
    encodeZip(
      entries.map(({ name, start, size }) => {
        return [name, name.endsWith('data.pkl') ? pickle : file.subarray(start, start + size)] as const;
      }),
    );
  const { start, size } = entries.find(({ name }) => name.endsWith('data.pkl')) as ZipEntry;
  return [asItIs(file), { part: file.subarray(start, start + size), assemble }];
}

function asItIs(part: Uint8Array): Specimen {
  return { part, assemble: (changed) => changed };
}

type Random = (below: number) => number;

function mutate(corpus: readonly Specimen[], random: Random): Uint8Array {
  const { part, assemble } = corpus[random(corpus.length)] as Specimen;
  let bytes = Buffer.from(part);
  for (let edits = 1 + random(2); edits > 0; edits -= 1) bytes = mutateOnce(bytes, random);
  return assemble(bytes);
}

function mutateOnce(bytes: Buffer<ArrayBuffer>, random: Random): Buffer<ArrayBuffer> {
  const at = random(bytes.length + 1);
  const token = Buffer.from(telling[random(telling.length)] as string, 'latin1');
  switch (random(12)) {
    case 0: // something telling, between
      return Buffer.concat([bytes.subarray(0, at), token, bytes.subarray(at)]);
    case 1: // cut
      return Buffer.from(bytes.subarray(0, at));
    case 2: // a piece taken out
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random(64))]);
    case 3: // a piece repeated
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - random(256)))]);
    case 4: // something telling, over what was there
      token.copy(bytes, at);
      return bytes;
    case 5: // a byte
      if (at < bytes.length) bytes[at] = random(256);
      return bytes;
    default: // a bit
      if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << random(8));
      return bytes;
  }
}

/** mulberry32: the same numbers for the same seed. */
function createRandom(seed: number): Random {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
