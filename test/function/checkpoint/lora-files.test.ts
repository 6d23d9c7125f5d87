import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { productDelta } from '../../../function/src/checkpoint/lora/delta.ts';
import { readLora } from '../../../function/src/checkpoint/lora/read-lora.ts';
import { loraTargets } from '../../../function/src/checkpoint/lora/targets.ts';
import { parseLoraName } from '../../../function/src/checkpoint/lora/tensor-names.ts';
import { readFile } from '../../../function/src/checkpoint/open-file.ts';
import type { CheckpointFile } from '../../../function/src/checkpoint/tensor-source.ts';
import { FunctionError } from '../../../function/src/errors.ts';
import { stableDiffusionV1 } from '../../../function/src/graphs/model-config.ts';
import { encodeSafetensors, type TensorData } from './checkpoint-writer.ts';
import { memoryBytes } from './memory-bytes.ts';

type Shapes = Record<string, readonly number[]>;

const toQ = 'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q';
const toK = 'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k';
const conv = 'lora_unet_down_blocks_0_resnets_0_conv1';
const linear = { [`${toQ}.lora_down.weight`]: [4, 320], [`${toQ}.lora_up.weight`]: [320, 4] };

/** A file of zeroes with these shapes. */
async function fileOf(shapes: Shapes, metadata?: Record<string, string>): Promise<CheckpointFile> {
  const tensors = Object.entries(shapes).map(([name, shape]): [string, TensorData] => {
    return [name, { type: 'F32', shape, bytes: new Uint8Array(4 * shape.reduce((a, b) => a * b, 1)) }];
  });
  const file = await readFile(memoryBytes(encodeSafetensors(new Map(tensors))));
  return metadata === undefined ? file : { ...file, metadata: new Map(Object.entries(metadata)) };
}

async function read(shapes: Shapes, metadata?: Record<string, string>) {
  return readLora(await fileOf(shapes, metadata), stableDiffusionV1, 'mine');
}

async function refuses(shapes: Shapes, message: RegExp, metadata?: Record<string, string>): Promise<void> {
  await assert.rejects(read(shapes, metadata), (error) => {
    assert.ok(error instanceof FunctionError);
    assert.equal(error.code, 'invalid_input');
    assert.match(error.message, message);
    assert.ok(error.message.length < 500);
    return true;
  });
}

describe('LoRAs for other models are refused by name', () => {
  const cases: [string, Shapes, RegExp, Record<string, string>?][] = [
    [
      'prompts of width 2048',
      { [`${toK}.lora_down.weight`]: [4, 2048], [`${toK}.lora_up.weight`]: [320, 4] },
      /Stable Diffusion XL/,
    ],
    [
      'prompts of width 1024',
      { [`${toK}.lora_down.weight`]: [4, 1024], [`${toK}.lora_up.weight`]: [320, 4] },
      /Stable Diffusion 2\b/,
    ],
    [
      "diffusers' names",
      { 'unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight': [4, 2048] },
      /Stable Diffusion XL/,
    ],
    [
      'a second text encoder',
      { ...linear, 'lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight': [4, 1280] },
      /Stable Diffusion XL/,
    ],
    [
      'a transformer',
      { 'lora_unet_double_blocks_0_img_attn_proj.lora_down.weight': [4, 3072] },
      /diffusion transformer/,
    ],
    ["kohya's note, XL", linear, /Stable Diffusion XL/, { ss_base_model_version: 'sdxl_base_v1-0' }],
    ["kohya's note, v2", linear, /Stable Diffusion 2\b/, { ss_v2: 'True', ss_base_model_version: 'sd_v2_768_v' }],
    ['modelspec', linear, /Flux/, { 'modelspec.architecture': 'flux-1-dev/lora' }],
  ];
  for (const [name, shapes, message, metadata] of cases) {
    test(name, () => refuses(shapes, new RegExp(`^The LoRA mine was made for .*${message.source}`), metadata));
  }

  test('and those for v1 are not', async () => {
    for (const version of ['sd_v1', 'sd_1.5', 'anything else']) {
      assert.equal((await read(linear, { ss_base_model_version: version, ss_v2: 'False' })).changes.length, 1);
    }
  });
});

describe('hostile and unfit LoRA files are refused with a reason', () => {
  const down = `${toQ}.lora_down.weight`;
  const up = `${toQ}.lora_up.weight`;
  const cases: [string, Shapes, RegExp][] = [
    ['nothing', {}, /nothing for any layer/],
    ['no LoRA', { 'model.weight': [4], x: [] }, /nothing for any layer/],
    ['half a pair', { [down]: [4, 320] }, /neither LoRA, LoCon, LoHa nor LoKr: it has "down"/],
    ['ranks that differ', { [down]: [4, 320], [up]: [320, 5] }, /shape/],
    ['another width', { [down]: [4, 640], [up]: [640, 4] }, /shape/],
    ['rank 0', { [down]: [0, 320], [up]: [320, 0] }, /shape/],
    ['a rank beyond reason', { [down]: [2049, 320], [up]: [320, 2049] }, /shape/],
    ['scalars', { [down]: [], [up]: [] }, /shape/],
    [
      'kernels of another size',
      { [`${conv}.lora_down.weight`]: [2, 320, 5, 5], [`${conv}.lora_up.weight`]: [320, 2, 1, 1] },
      /shape/,
    ],
    [
      'a core that does not fit',
      {
        [`${conv}.lora_down.weight`]: [2, 320, 1, 1],
        [`${conv}.lora_up.weight`]: [320, 2, 1, 1],
        [`${conv}.lora_mid.weight`]: [2, 3, 3, 3],
      },
      /shape/,
    ],
    ['an alpha of many numbers', { ...linear, [`${toQ}.alpha`]: [2] }, /alpha/],
    ['DoRA', { ...linear, [`${toQ}.dora_scale`]: [1, 320] }, /DoRA/],
    ["PEFT's DoRA", { ...linear, [`${toQ}.lora_magnitude_vector.weight`]: [320] }, /DoRA/],
    ['a part that nobody knows', { ...linear, [`${toQ}.bias_indices`]: [3] }, /bias_indices/],
    [
      'LoHa without its half',
      { [`${toQ}.hada_w1_a`]: [320, 2], [`${toQ}.hada_w1_b`]: [2, 320], [`${toQ}.hada_w2_a`]: [320, 2] },
      /neither/,
    ],
    ['LoKr that multiplies to another shape', { [`${toQ}.lokr_w1`]: [4, 4], [`${toQ}.lokr_w2`]: [80, 81] }, /shape/],
    ['a difference of another size', { [`${toQ}.diff`]: [320, 321] }, /shape/],
    ['a bias where there is none', { [`${toQ}.diff`]: [320, 320], [`${toQ}.diff_b`]: [320] }, /bias/],
  ];
  for (const [name, shapes, message] of cases) test(name, () => refuses(shapes, message));

  test('a name that would drive a terminal is not repeated as it is', async () => {
    const part = `\u001b[31m${'x'.repeat(1000)}`;
    await refuses({ ...linear, [`${toQ}.${part}`]: [1] }, /^\P{C}*$/u);
  });

  test('settings of PEFT that change the formula', async () => {
    for (const key of ['use_rslora', 'use_dora']) {
      const metadata = { lora_adapter_metadata: JSON.stringify({ [`unet.${key}`]: true }) };
      await refuses(linear, new RegExp(`made with ${key}`), metadata);
    }
    const alphas = { lora_adapter_metadata: JSON.stringify({ 'unet.alpha_pattern': { to_q: 2 } }) };
    await refuses(linear, /alpha_pattern/, alphas);
  });

  test('tensors for no layer are counted', async () => {
    const lora = await read({
      ...linear,
      'lora_unet_nowhere.lora_down.weight': [1, 1],
      'bundle_emb.x.string_to_param.*': [1, 768],
    });
    assert.equal(lora.unusedTensors, 2);
    assert.equal(lora.changes.length, 1);
  });
});

describe('alpha', () => {
  const scaleOf = async (shapes: Shapes, metadata?: Record<string, string>) => {
    const [change] = (await read(shapes, metadata)).changes;
    return (await change?.load())?.scale;
  };

  test('without it, the LoRA counts as it is', async () => {
    assert.equal(await scaleOf(linear), 1);
  });

  test("PEFT's stands in the file's notes", async () => {
    const note = (settings: object) => ({ lora_adapter_metadata: JSON.stringify(settings) });
    assert.equal(await scaleOf(linear, note({ 'unet.lora_alpha': 8, 'unet.r': 4 })), 2);
    assert.equal(await scaleOf(linear, note({ 'text_encoder.lora_alpha': 8 })), 1);
    assert.equal(await scaleOf(linear, { lora_adapter_metadata: 'no JSON' }), 1);
  });
});

describe('products', () => {
  for (const rank of [1, 7, 8, 19]) {
    test(`of rank ${rank} are sums of products`, () => {
      const [rows, columns] = [3, 5];
      const value = (i: number) => ((i * 7) % 11) / 8 - 0.5;
      const matrix = (a: number, b: number) => ({
        rows: a,
        columns: b,
        values: Float32Array.from({ length: a * b }, (_, i) => value(i)),
      });
      const delta = productDelta(matrix(rows, rank), matrix(rank, columns));
      for (let row = 0; row < rows; row += 1) {
        const target = new Float64Array(columns).fill(1);
        delta.addRow(row, 0.5, target);
        const expected = Array.from({ length: columns }, (_, column) => {
          let sum = 1;
          for (let r = 0; r < rank; r += 1) sum += 0.5 * value(row * rank + r) * value(r * columns + column);
          return sum;
        });
        assert.deepEqual([...target], expected);
      }
    });
  }
});

describe('names', () => {
  test('every layer has its own, in either naming', () => {
    const targets = loraTargets(stableDiffusionV1);
    const byWeight = new Map<string, number>();
    for (const { weight } of targets.values()) byWeight.set(weight, (byWeight.get(weight) ?? 0) + 1);
    for (const [weight, count] of byWeight) {
      assert.equal(count, weight.startsWith('cond_stage_model') ? 1 : 2, weight);
    }
    // kohya's scripts: 192 modules of attention and 6 × 12 of the text encoder.
    const attention = [...targets.keys()].filter((key) => /^unet_(?:down|mid|up)_.*attentions_/.test(key));
    assert.equal(attention.length, 192);
    assert.equal([...targets.values()].filter(({ network }) => network === 'text_encoder').length, 72);
  });

  test('of one tensor in all spellings', () => {
    const module = 'unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_out_0';
    const dotted = 'down_blocks.0.attentions.0.transformer_blocks.0.attn1';
    for (const name of [
      `lora_${module}.lora_down.weight`,
      `unet.${dotted}.to_out.0.lora_A.weight`,
      `unet.${dotted}.to_out.0.lora_A.default.weight`,
      `base_model.model.unet.${dotted}.to_out.0.lora_A.weight`,
      `unet.base_model.model.${dotted}.to_out.0.lora_A.weight`,
      `unet.${dotted}.to_out.0.lora.down.weight`,
      `unet.${dotted}.processor.to_out_lora.down.weight`,
      `${dotted}.processor.to_out_lora.down.weight`,
    ]) {
      assert.deepEqual(parseLoraName(name), { module, part: 'down' }, name);
    }
    const text = 'te_text_model_encoder_layers_3_self_attn_q_proj';
    const textDotted = 'text_model.encoder.layers.3.self_attn';
    for (const name of [
      `lora_${text}.lora_up.weight`,
      `lora_te1_${text.slice(3)}.lora_up.weight`,
      `text_encoder.${textDotted}.q_proj.lora_linear_layer.up.weight`,
      `text_encoder.${textDotted}.q_proj.lora_B.weight`,
      `text_encoder.${textDotted}.to_q_lora.up.weight`,
    ]) {
      assert.deepEqual(parseLoraName(name), { module: text, part: 'up' }, name);
    }
    assert.equal(parseLoraName('model.diffusion_model.input_blocks.0.0.weight'), undefined);
  });
});
