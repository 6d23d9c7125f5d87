/**
 * LCM-LoRAs laid out as latent-consistency/lcm-lora-sdv1-5: names, shapes, types, order, notes. Layers, rank and names are
 * those of diffusers' examples/consistency_distillation/train_lcm_distill_lora_sd_wds.py.
 */
import { type LoraTarget, loraTargets } from '../../function/src/checkpoint/lora/targets.ts';
import type { TensorInfo } from '../../function/src/checkpoint/tensor-source.ts';
import type { ModelConfig } from '../../function/src/graphs/model-config.ts';

const RANK = 64;
/** As half precision: alpha is the rank, so that the LoRA counts as it is. */
const RANK_BITS = 0x5400;
/** 1/64 as half precision, and its sign. */
const [VALUE_BITS, SIGN_BIT] = [0x2400, 0x8000];

/** Attention, feed-forward, convolutions and time embeddings of the blocks: all but the UNet's first and last layers. */
const TRAINED = /^unet_(?:down_blocks|mid_block|up_blocks)_/;

const elements = (shape: readonly number[]) => shape.reduce((product, side) => product * side, 1);

function shapesOf(module: string, { shape }: LoraTarget): [string, number[]][] {
  const [outputs = 0, inputs = 0, ...sides] = shape;
  return [
    [`lora_${module}.alpha`, []],
    [`lora_${module}.lora_down.weight`, [RANK, inputs, ...sides]],
    [`lora_${module}.lora_up.weight`, [outputs, RANK, ...sides.map(() => 1)]],
  ];
}

/** The tensors of an LCM-LoRA for a model, in the order of the file. */
export function lcmLoraTensors(config: ModelConfig): TensorInfo[] {
  const modules = [...loraTargets(config)].filter(([module]) => TRAINED.test(module));
  return modules
    .flatMap(([module, target]) => shapesOf(module, target))
    .map(([name, shape]) => ({ name, shape, type: 'F16' as const, byteLength: 2 * elements(shape) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The file's header as safetensors writes it: padded to whole words, without its length. */
export function encodeLcmLoraHeader(tensors: readonly TensorInfo[]): Buffer {
  let end = 0;
  const entries = tensors.map(({ name, type, shape, byteLength }) => {
    const start = end;
    end += byteLength;
    return [name, { dtype: type, shape, data_offsets: [start, end] }];
  });
  const json = JSON.stringify({ __metadata__: { format: 'pt' }, ...Object.fromEntries(entries) });
  return Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
}

/** A whole file, of factors that are 1/64 or -1/64. */
export function encodeLcmLora(config: ModelConfig): Buffer {
  const tensors = lcmLoraTensors(config);
  const header = encodeLcmLoraHeader(tensors);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  let state = 1;
  const values = tensors.map(({ shape }) => {
    if (shape.length === 0) return Uint16Array.of(RANK_BITS);
    return Uint16Array.from({ length: elements(shape) }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return VALUE_BITS | (state >>> 31 === 0 ? 0 : SIGN_BIT);
    });
  });
  return Buffer.concat([length, header, ...values.map(({ buffer }) => Buffer.from(buffer))]);
}
