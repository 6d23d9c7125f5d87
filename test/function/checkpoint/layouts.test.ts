import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, type TestContext, test } from 'node:test';
import { inspectCheckpoint } from '../../../function/src/checkpoint/inspect-checkpoint.ts';
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

/** One residual block a level, and four levels of the VAE. */
const miniShape = { layers: 1, vaeLevels: 4 };
const textPrefix = 'cond_stage_model.transformer.text_model.';

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

async function writeModel(t: TestContext, bytes: Uint8Array, name = 'model.ckpt'): Promise<string> {
  const path = join(await temporaryFolder(t), name);
  await writeFile(path, bytes);
  return path;
}

const renamed = (tensors: Tensors, rename: (name: string) => string): Tensors =>
  new Map([...tensors].map(([name, tensor]) => [rename(name), tensor]));

const without = (tensors: Tensors, prefix: string): Tensors =>
  new Map([...tensors].filter(([name]) => !name.startsWith(prefix)));

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

describe('the configuration', () => {
  test('is read off the shapes', async () => {
    const checkpoint = await openCheckpoint(join(embeddedModelFolder, 'mini.safetensors'));
    const { unet, vae, text } = checkpoint.config;
    assert.deepEqual(unet, {
      in_channels: 4,
      out_channels: 4,
      model_channels: 64,
      channel_mult: [1, 2, 2],
      num_res_blocks: 1,
      attention_resolutions: [4, 2],
      num_heads: 8,
      transformer_depth: 1,
      context_dim: 64,
    });
    const expectedVae = { ch: 32, ch_mult: [1, 2, 2, 4], num_res_blocks: 1, z_channels: 4, embed_dim: 4 };
    assert.deepEqual(vae, { ...expectedVae, in_channels: 3, out_ch: 3 });
    assert.deepEqual(text, { vocab_size: 49408, width: 64, layers: 4, heads: 1, mlp: 256, positions: 77 });
    await checkpoint.close();
  });

  test('takes from a diffusers folder what no shape tells', async (t) => {
    const folder = join(await temporaryFolder(t), 'model');
    await writeDiffusersFolder(folder, mini, miniShape);
    await mkdir(join(folder, 'scheduler'));
    await writeFile(join(folder, 'unet/config.json'), '{"attention_head_dim": 4, "sample_size": 16}');
    await writeFile(join(folder, 'text_encoder/config.json'), '{"num_attention_heads": 2}');
    await writeFile(join(folder, 'vae/config.json'), '{"scaling_factor": 0.25}');
    await writeFile(join(folder, 'scheduler/scheduler_config.json'), '{"beta_start": 0.001, "beta_end": 0.02}');
    const { config, close } = await openCheckpoint(folder);
    await close();
    assert.equal(config.unet.num_heads, 4);
    assert.equal(config.text.heads, 2);
    assert.equal(config.image_size, 128);
    assert.deepEqual(config.diffusion, { timesteps: 1000, linear_start: 0.001, linear_end: 0.02, scale_factor: 0.25 });

    await writeFile(join(folder, 'scheduler/scheduler_config.json'), '{"prediction_type": "v_prediction"}');
    await assert.rejects(openCheckpoint(folder), corruptWith(/predicts "v_prediction"/, 'invalid_input'));
  });
});

describe('inspecting', () => {
  test('tells what a checkpoint holds', async () => {
    const summary = await inspectCheckpoint(join(embeddedModelFolder, 'mini.safetensors'));
    const { config: _, ...rest } = summary;
    assert.deepEqual(rest, {
      kind: 'Stable Diffusion v1',
      layout: 'compvis',
      files: [{ name: 'mini.safetensors', format: 'safetensors' }],
      nesting: [],
      dtypes: { F16: [...mini.values()].reduce((sum, { bytes }) => sum + bytes.length / 2, 0) },
      components: rest.components,
      inChannels: 4,
      hasEma: false,
      missing: [],
      extra: [],
      problem: undefined,
    });
    const { text_encoder, unet, vae } = rest.components;
    assert.equal(text_encoder.tensors + unet.tensors + vae.tensors, mini.size);
    assert.equal(text_encoder.parameters + unet.parameters + vae.parameters, rest.dtypes.F16);
  });

  test('tells what is missing and what is extra', async (t) => {
    const gone = 'model.diffusion_model.middle_block.0.in_layers.0.weight';
    const path = await writeModel(
      t,
      encodeTorchZip(
        new Map([
          ...without(mini, gone),
          ['betas', floats([1], [0])],
          ['model_ema.diffusion_modelout2bias', floats([4], [0, 0, 0, 0])],
        ]),
      ),
    );
    const summary = await inspectCheckpoint(path);
    assert.deepEqual(summary.missing, [gone]);
    assert.deepEqual(summary.extra, ['betas']);
    assert.deepEqual(summary.nesting, ['state_dict']);
    assert.equal(summary.hasEma, true);
    assert.match(
      summary.problem ?? '',
      /model\.ckpt is not a whole .* lacks tensor .*middle_block\.0\.in_layers\.0\.weight/,
    );
  });

  test('recognises an inpainting model', async (t) => {
    const name = 'model.diffusion_model.input_blocks.0.0.weight';
    const nine = floats([64, 9, 3, 3], new Array(64 * 9 * 9).fill(0));
    const path = await writeModel(t, encodeSafetensors(new Map([...mini, [name, nine]])));
    const { kind, inChannels, problem } = await inspectCheckpoint(path);
    assert.deepEqual([kind, inChannels, problem], ['Stable Diffusion v1 inpainting', 9, undefined]);
  });
});

describe('what is no whole v1 model is named', () => {
  const conv = floats([1, 1, 1, 1], [0]);
  const context = (width: number) => floats([1, width], new Array(width).fill(0));
  const toK = 'model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight';
  const foreign: [RegExp, Record<string, TensorData>][] = [
    [/Stable Diffusion XL/, { 'conditioner.embedders.1.model.ln_final.weight': conv }],
    [/Stable Diffusion XL/, { 'model.diffusion_model.label_emb.0.0.weight': conv }],
    [/Stable Diffusion v2/, { 'cond_stage_model.model.ln_final.weight': conv }],
    [/Stable Diffusion v2/, { [toK]: context(1024) }],
    [/diffusion transformer/, { 'model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight': conv }],
    [/a LoRA/, { 'lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight': conv }],
    [/a LoRA/, { 'unet.mid_block.attentions.0.to_k.lora_A.weight': conv }],
    [/a ControlNet/, { 'control_model.input_hint_block.0.weight': conv }],
    [/motion module/, { 'down_blocks.0.motion_modules.0.norm.weight': conv }],
    [/a VAE alone/, { 'encoder.conv_in.weight': conv, 'decoder.conv_in.weight': conv }],
    [/a VAE alone/, { 'first_stage_model.decoder.conv_in.weight': conv }],
    [/a UNet alone/, { 'down_blocks.0.resnets.0.norm1.weight': conv }],
    [/a text encoder alone/, { 'text_model.encoder.layers.0.self_attn.q_proj.weight': conv }],
    [/a textual-inversion embedding/, { emb_params: context(768) }],
    [/a textual-inversion embedding/, { '<cat>': context(768) }],
    [/no tensor of Stable Diffusion v1/, { other: conv }],
  ];
  for (const [message, tensors] of foreign) {
    test(`${message.source}: ${Object.keys(tensors)[0]}`, async (t) => {
      const path = await writeModel(t, encodeSafetensors(new Map(Object.entries(tensors))));
      await assert.rejects(openCheckpoint(path), corruptWith(message, 'invalid_input'));
    });
  }

  test('a textual-inversion embedding that PyTorch saved', async () => {
    const path = join(import.meta.dirname, '../../fixtures/checkpoints/torch-2.9/textual-inversion.zip.ckpt');
    await assert.rejects(openCheckpoint(path), corruptWith(/a textual-inversion embedding/, 'invalid_input'));
  });

  test('a tensor of a wrong shape', async (t) => {
    const name = 'model.diffusion_model.input_blocks.3.0.in_layers.2.weight';
    const other = { ...(mini.get(name) as TensorData), shape: [64, 128, 3, 3] };
    const path = await writeModel(t, encodeTorchZip(new Map([...mini, [name, other]])));
    await assert.rejects(
      openCheckpoint(path),
      corruptWith(/model\.ckpt is damaged.*tensor .*input_blocks.*has the shape/),
    );
  });

  test('an incomplete file, with the first tensor it lacks', async (t) => {
    const path = await writeModel(t, encodeSafetensors(without(mini, `${textPrefix}encoder.layers.2.`)));
    await assert.rejects(openCheckpoint(path), corruptWith(/lacks tensor .*layers\.2\..* and 15 more/));
  });

  test('a file that is not there, a folder that is no model', async (t) => {
    const folder = await temporaryFolder(t);
    await assert.rejects(openCheckpoint(join(folder, 'none.ckpt')), corruptWith(/no file none\.ckpt/, 'invalid_input'));
    await assert.rejects(openCheckpoint(folder), corruptWith(/neither model_index\.json/, 'invalid_input'));
  });
});
