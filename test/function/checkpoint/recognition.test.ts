/** What is said of a checkpoint from the names and shapes in it: its configuration, what it is, and what it is not. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { inspectCheckpoint } from '../../../function/src/checkpoint/inspect-checkpoint.ts';
import { openCheckpoint } from '../../../function/src/checkpoint/open-checkpoint.ts';
import { embeddedModelFolder, temporaryFolder } from '../../support/embedded-model.ts';
import { encodeSafetensors, encodeTorchZip, floats, readMiniTensors, type TensorData } from './checkpoint-writer.ts';
import { corruptWith } from './corrupt-with.ts';
import { writeDiffusersFolder } from './diffusers-writer.ts';
import { miniShape, textPrefix, without, writeModel } from './mini-model.ts';

let mini: Map<string, TensorData>;
before(async () => {
  mini = await readMiniTensors();
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
