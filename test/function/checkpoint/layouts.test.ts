import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { openCheckpoint } from '../../../function/src/checkpoint/open-checkpoint.ts';
import { embeddedModelFolder, temporaryFolder } from '../../support/embedded-model.ts';
import {
  encodeSafetensors,
  encodeTorchLegacy,
  encodeTorchZip,
  floats,
  readMiniTensors,
  type TensorData,
  type Tensors,
} from './checkpoint-writer.ts';
import { corruptWith } from './corrupt-with.ts';
import { writeDiffusersFolder } from './diffusers-writer.ts';
import { miniShape, textPrefix, without, writeModel } from './mini-model.ts';

let mini: Map<string, TensorData>;
let expected: ReadonlyMap<string, string>;
before(async () => {
  mini = await readMiniTensors();
  expected = await readAll(join(embeddedModelFolder, 'mini.safetensors'));
});

type Options = Parameters<typeof openCheckpoint>[1];

/** Each tensor's shape and the sum of its float32 values, by canonical name. */
async function readAll(path: string, options?: Options): Promise<ReadonlyMap<string, string>> {
  const checkpoint = await openCheckpoint(path, options);
  const sums = new Map<string, string>();
  for (const { name, shape } of checkpoint.tensors.values()) {
    const hash = createHash('sha256').update(await checkpoint.readFloat32(name));
    sums.set(name, `[${shape}] ${hash.digest('hex')}`);
  }
  await checkpoint.close();
  return sums;
}

async function assertSame(path: string, options?: Options): Promise<void> {
  const actual = await readAll(path, options);
  const differing = [...expected].filter(([name, sum]) => actual.get(name) !== sum).map(([name]) => name);
  assert.deepEqual(differing.slice(0, 5), []);
  assert.equal(actual.size, expected.size);
}

const renamed = (tensors: Tensors, rename: (name: string) => string): Tensors =>
  new Map([...tensors].map(([name, tensor]) => [rename(name), tensor]));

const only = (tensors: Tensors, prefix: string): Tensors =>
  new Map([...tensors].filter(([name]) => name.startsWith(prefix)));

/** Half precision to single, a value at a time from what the bits mean. */
function inFloat32(tensors: Tensors): Tensors {
  const values = Float32Array.from({ length: 0x10000 }, (_, half) => {
    const fraction = half & 1023;
    const magnitude = half & 0x7c00 ? (1 + fraction / 1024) * 2 ** (((half >> 10) & 31) - 15) : fraction * 2 ** -24;
    return half & 0x8000 ? -magnitude : magnitude;
  });
  const widened = [...tensors].map(([name, { shape, bytes }]): [string, TensorData] => {
    const halves = new Uint16Array(new Uint8Array(bytes).buffer);
    const target = new Float32Array(halves.length);
    for (let i = 0; i < halves.length; i += 1) target[i] = values[halves[i] as number] as number;
    return [name, { type: 'F32', shape, bytes: new Uint8Array(target.buffer) }];
  });
  return new Map(widened);
}

describe('the same weights from every layout', () => {
  const files: [string, () => Uint8Array][] = [
    ['a .ckpt', () => encodeTorchZip(mini)],
    ['a .ckpt without state_dict', () => encodeTorchZip(mini, [])],
    ['a .ckpt with state_dict twice', () => encodeTorchZip(mini, ['state_dict', 'state_dict'])],
    ['a .ckpt of the old format', () => encodeTorchLegacy(mini)],
    ['float32', () => encodeSafetensors(inFloat32(mini))],
    ['names that keep state_dict', () => encodeSafetensors(renamed(mini, (name) => `state_dict.${name}`))],
    ['no text_model', () => encodeSafetensors(renamed(mini, (name) => name.replace('.text_model.', '.')))],
    [
      "another program's wrapper",
      () =>
        encodeSafetensors(
          renamed(mini, (name) =>
            name
              .replace('cond_stage_model.', 'cond_stage_model.wrapped.')
              .replace('token_embedding.', 'token_embedding.wrapped.'),
          ),
        ),
    ],
    [
      'position_ids as floats, noise schedules and a loss',
      () =>
        encodeTorchZip(
          new Map([
            ['betas', floats([2], [1, 2])],
            ['first_stage_model.loss.logvar', floats([], [0])],
            [`${textPrefix}embeddings.position_ids`, floats([1, 2], [0, 1])],
            ...mini,
          ]),
        ),
    ],
    [
      'position_ids as integers',
      () =>
        encodeSafetensors(
          new Map([
            [`${textPrefix}embeddings.position_ids`, { type: 'I64', shape: [1], bytes: new Uint8Array(8) }],
            ...mini,
          ]),
        ),
    ],
  ];
  for (const [name, encode] of files) {
    test(name, async (t) => {
      // The extension says nothing: the content does.
      await assertSame(await writeModel(t, encode()));
    });
  }

  for (const attention of ['new', 'old'] as const) {
    test(`a diffusers folder, ${attention} attention names`, async (t) => {
      const folder = join(await temporaryFolder(t), 'model');
      await writeDiffusersFolder(folder, mini, miniShape, { attention, linearProjections: attention === 'old' });
      await assertSame(folder);
    });
  }

  test('a diffusers folder of .bin files, of both formats', async (t) => {
    const folder = join(await temporaryFolder(t), 'model');
    await writeDiffusersFolder(folder, mini, miniShape, {
      write: async (path, stem, tensors) => {
        const isText = stem === 'model';
        const bytes = isText ? encodeTorchLegacy(tensors, []) : encodeTorchZip(tensors, []);
        await writeFile(join(path, isText ? 'pytorch_model.bin' : `${stem}.bin`), bytes);
      },
    });
    await assertSame(folder);
  });

  test('a diffusers folder of shards, in half precision', async (t) => {
    const folder = join(await temporaryFolder(t), 'model');
    await writeDiffusersFolder(folder, mini, miniShape, {
      write: (path, stem, tensors) => writeShards(path, `${stem}.safetensors.index.fp16.json`, tensors),
    });
    await assertSame(folder);
  });

  test('shards, by their index and by their folder', async (t) => {
    const folder = await temporaryFolder(t);
    await writeShards(folder, 'model.safetensors.index.json', mini);
    await assertSame(folder);
    await assertSame(join(folder, 'model.safetensors.index.json'));
  });
});

async function writeShards(folder: string, index: string, tensors: Tensors): Promise<void> {
  const entries = [...tensors];
  const shards = [entries.slice(0, 100), entries.slice(100, 101), entries.slice(101)];
  const weightMap: Record<string, string> = {};
  for (const [i, shard] of shards.entries()) {
    const name = `shard-${i}.safetensors`;
    await writeFile(join(folder, name), encodeSafetensors(new Map(shard)));
    for (const [tensor] of shard) weightMap[tensor] = name;
  }
  await writeFile(join(folder, index), JSON.stringify({ metadata: {}, weight_map: weightMap }));
}

describe('a VAE in a file of its own', () => {
  const pruned = () => without(mini, 'first_stage_model.');
  const vae = () => renamed(only(mini, 'first_stage_model.'), (name) => name.replace('first_stage_model.', ''));

  for (const [name, encode] of [
    ['in the original layout', () => encodeTorchZip(vae())],
    ['with the prefix it has in a model', () => encodeSafetensors(only(mini, 'first_stage_model.'))],
  ] as const) {
    test(name, async (t) => {
      const path = await writeModel(t, encodeSafetensors(pruned()));
      await assertSame(path, { vae: await writeModel(t, encode(), 'vae.pt') });
    });
  }

  test('as a diffusers folder, in place of the one in the model', async (t) => {
    const folder = join(await temporaryFolder(t), 'model');
    await writeDiffusersFolder(folder, mini, miniShape);
    const zeroVae = [...only(mini, 'first_stage_model.')].map(([name, tensor]): [string, TensorData] => {
      return [name, { ...tensor, bytes: new Uint8Array(tensor.bytes.length) }];
    });
    const path = await writeModel(t, encodeSafetensors(new Map([...mini, ...zeroVae])));
    await assertSame(path, { vae: join(folder, 'vae') });
  });

  test('is asked for when the model has none', async (t) => {
    const path = await writeModel(t, encodeSafetensors(pruned()));
    await assert.rejects(openCheckpoint(path), corruptWith(/model\.ckpt has no VAE .*give one in a file of its own/));
  });
});

describe('averaged weights', () => {
  const emaName = (name: string) => `model_ema.${name.replace('model.', '').replaceAll('.', '')}`;
  const averages = () => renamed(only(mini, 'model.diffusion_model.'), emaName);
  const raw = () =>
    new Map(
      [...mini].map(([name, tensor]): [string, TensorData] => {
        const isUnet = name.startsWith('model.diffusion_model.');
        return [name, isUnet ? { ...tensor, bytes: new Uint8Array(tensor.bytes.length) } : tensor];
      }),
    );

  test('are taken when asked for', async (t) => {
    const path = await writeModel(t, encodeTorchZip(new Map([...raw(), ...averages()])));
    await assertSame(path, { ema: true });
    const checkpoint = await openCheckpoint(path);
    const values = await checkpoint.readFloat32('model.diffusion_model.out.2.weight');
    assert.ok(values.every((value) => value === 0));
    await checkpoint.close();
  });

  test('are refused where there are none', async (t) => {
    const path = await writeModel(t, encodeSafetensors(mini));
    await assert.rejects(openCheckpoint(path, { ema: true }), corruptWith(/no EMA weights/, 'invalid_input'));
  });
});
