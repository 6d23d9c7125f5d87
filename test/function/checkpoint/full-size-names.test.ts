import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { CheckpointPart } from '../../../function/src/checkpoint/layout/component.ts';
import { expectedWeights } from '../../../function/src/checkpoint/layout/expected-weights.ts';
import { createCheckpoint } from '../../../function/src/checkpoint/open-checkpoint.ts';
import { stableDiffusionV1 } from '../../../function/src/graphs/model-config.ts';
import { temporaryFolder } from '../../support/embedded-model.ts';
import type { TensorData, Tensors } from './checkpoint-writer.ts';
import { type DiffusersStyle, writeDiffusersFolder } from './diffusers-writer.ts';

/** The names and shapes of all of Stable Diffusion v1, without values. */
const weights = expectedWeights(stableDiffusionV1);
const tensors: Tensors = new Map(
  [...weights].map(([name, shape]): [string, TensorData] => [name, { type: 'F32', shape, bytes: new Uint8Array() }]),
);

/** A file of these tensors whose values are, for each tensor, the letters of its own name for it. */
function fileOf(own: Tensors): CheckpointPart['file'] {
  return {
    tensors: new Map([...own].map(([name, { type, shape }]) => [name, { name, type, shape, byteLength: 0 }])),
    fileName: 'model',
    format: 'safetensors',
    nesting: [],
    readFloat32: async (name) => Float32Array.from(Buffer.from(name)),
    close: async () => {},
  };
}

async function diffusersParts(t: TestContext, style: DiffusersStyle): Promise<CheckpointPart[]> {
  const parts: CheckpointPart[] = [];
  await writeDiffusersFolder(
    join(await temporaryFolder(t), 'model'),
    tensors,
    { layers: 2, vaeLevels: 4 },
    {
      ...style,
      write: async (folder, _stem, own) => {
        const holds = (['text_encoder', 'unet', 'vae'] as const).find((component) => folder.endsWith(component));
        parts.push({ holds: holds ?? 'model', file: fileOf(own) });
      },
    },
  );
  return parts;
}

describe('all 1,130 weights of full Stable Diffusion v1', () => {
  for (const attention of ['new', 'old'] as const) {
    test(`are found in a diffusers folder, ${attention} attention names`, async (t) => {
      const parts = await diffusersParts(t, { attention, linearProjections: attention === 'new' });
      const checkpoint = createCheckpoint({ parts, layout: 'diffusers', settings: {} }, 'model');
      assert.deepEqual(checkpoint.config, stableDiffusionV1);
      assert.equal(checkpoint.tensors.size, 1130);

      // Where the two layouts differ most, by diffusers' own conversion table.
      for (const [compVis, diffusers] of [
        ['input_blocks.3.0.op.weight', 'down_blocks.0.downsamplers.0.conv.weight'],
        ['input_blocks.11.0.in_layers.2.weight', 'down_blocks.3.resnets.1.conv1.weight'],
        ['middle_block.2.out_layers.3.bias', 'mid_block.resnets.1.conv2.bias'],
        ['output_blocks.2.1.conv.weight', 'up_blocks.0.upsamplers.0.conv.weight'],
        ['output_blocks.5.2.conv.weight', 'up_blocks.1.upsamplers.0.conv.weight'],
        ['output_blocks.11.1.proj_out.weight', 'up_blocks.3.attentions.2.proj_out.weight'],
      ]) {
        const name = Buffer.from(await checkpoint.readFloat32(`model.diffusion_model.${compVis}`)).toString();
        assert.equal(name, diffusers);
      }
    });
  }

  test('are found where a file has averages only', () => {
    const prefix = 'model.diffusion_model.';
    const averaged = new Map(
      [...tensors].map(([name, tensor]) => {
        const dotless = `model_ema.${name.slice('model.'.length).replaceAll('.', '')}`;
        return [name.startsWith(prefix) ? dotless : name, tensor];
      }),
    );
    assert.equal(averaged.size, tensors.size, 'no two names are the same without their dots');
    const parts = [{ holds: 'model' as const, file: fileOf(averaged) }];
    const checkpoint = createCheckpoint({ parts, layout: 'compvis', settings: {} }, 'model');
    assert.deepEqual(checkpoint.config, stableDiffusionV1);
    assert.equal(checkpoint.tensors.size, weights.size);
  });
});
