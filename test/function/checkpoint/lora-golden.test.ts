import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createDiffusersUnetNameMap } from '../../../function/src/checkpoint/layout/diffusers-names.ts';
import { createDeltaSource } from '../../../function/src/checkpoint/lora/delta-source.ts';
import { readLora } from '../../../function/src/checkpoint/lora/read-lora.ts';
import { openFile } from '../../../function/src/checkpoint/open-file.ts';
import type { CheckpointFile } from '../../../function/src/checkpoint/tensor-source.ts';
import { type ModelConfig, stableDiffusionV1 } from '../../../function/src/graphs/model-config.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/loras');

interface Golden {
  shape: number[];
  values: number[];
}
const golden = JSON.parse(await readFile(join(fixtures, 'golden.json'), 'utf8')) as {
  every: number;
  peft: Record<string, Golden>;
  lycoris: Record<string, Golden & { module: string }>;
};

/** The networks that the files were made for. */
const config: ModelConfig = {
  ...stableDiffusionV1,
  unet: {
    ...stableDiffusionV1.unet,
    model_channels: 32,
    channel_mult: [1, 2],
    num_res_blocks: 1,
    attention_resolutions: [1, 2],
    num_heads: 4,
    context_dim: 32,
  },
  text: { ...stableDiffusionV1.text, vocab_size: 64, width: 32, layers: 2, heads: 2, mlp: 64 },
};

async function readDelta(file: CheckpointFile, weight: string): Promise<Float32Array> {
  const lora = readLora(file, config, 'x');
  return createDeltaSource([{ lora, unetWeight: 1, textEncoderWeight: 1 }], config).tensors.readFloat32(weight);
}

function assertGolden(actual: Float32Array, expected: Golden, name: string): void {
  assert.equal(
    actual.length,
    expected.shape.reduce((a, b) => a * b, 1),
    name,
  );
  const largest = Math.max(...expected.values.map(Math.abs));
  for (const [i, value] of expected.values.entries()) {
    const error = Math.abs((actual[i * golden.every] as number) - value);
    assert.ok(error <= 1e-6 * largest, `${name}: ${actual[i * golden.every]} is not ${value}`);
  }
}

describe('what a LoRA adds is what the reference implementations say', () => {
  for (const fileName of ['diffusers.safetensors', 'kohya.safetensors']) {
    test(`${fileName}: every layer of both networks, by another map of names`, async (t) => {
      const file = await openFile(join(fixtures, fileName));
      t.after(() => file.close());
      const lora = readLora(file, config, 'x');
      assert.equal(lora.unusedTensors, 0);
      const names = Object.keys(golden.peft);
      assert.equal(lora.changes.length, names.length);
      const { tensors } = createDeltaSource([{ lora, unetWeight: 1, textEncoderWeight: 1 }], config);
      const toCompVis = createDiffusersUnetNameMap(
        names.filter((name) => name.startsWith('unet.')).map((name) => `${name.slice('unet.'.length)}.weight`),
      );
      for (const name of names) {
        const module = `${name.replace(/^(unet|text_encoder)\./, '')}.weight`;
        const isUnet = name.startsWith('unet.');
        const weight = isUnet ? toCompVis(module) : `cond_stage_model.transformer.${module}`;
        assertGolden(await tensors.readFloat32(weight as string), golden.peft[name] as Golden, name);
      }
    });
  }

  for (const [kind, expected] of Object.entries(golden.lycoris)) {
    test(`LyCORIS: ${kind}`, async (t) => {
      const all = await openFile(join(fixtures, 'lycoris.safetensors'));
      t.after(() => all.close());
      const prefix = `${kind}/`;
      const own = [...all.tensors].filter(([name]) => name.startsWith(prefix));
      const file: CheckpointFile = {
        ...all,
        tensors: new Map(
          own.map(([name, info]) => [name.slice(prefix.length), { ...info, name: name.slice(prefix.length) }]),
        ),
        readFloat32: (name, run) => all.readFloat32(prefix + name, run),
      };
      const { changes } = readLora(file, config, 'x');
      assert.equal(changes.length, 1);
      const delta = await readDelta(file, changes[0]?.weight as string);
      assertGolden(delta, expected, kind);
    });
  }
});
