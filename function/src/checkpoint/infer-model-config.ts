import { FunctionError } from '../errors.ts';
import {
  type ModelConfig,
  modelConfigSchema,
  type SafetyCheckerConfig,
  safetyCheckerV1,
  stableDiffusionV1,
} from '../graphs/model-config.ts';
import { componentPrefixes } from './layout/component.ts';
import type { TensorSource } from './tensor-source.ts';

export interface InferOptions {
  /** What messages call the checkpoint. @defaultValue `The checkpoint` */
  name?: string;
  /** Attention heads of the UNet, which shapes do not tell. @defaultValue 8, as in every v1 model */
  unetHeads?: number | undefined;
  /** Attention heads of the text encoder. @defaultValue One per 64 channels, as in every CLIP */
  textHeads?: number | undefined;
}

/** More than any model has; a hostile name could ask for millions. */
const MOST_BLOCKS = 64;

type Tensors = TensorSource['tensors'];

/**
 * Reads a model's hyper-parameters off the shapes of its tensors. Where the tensor that tells is missing, v1's own value
 * stands, so that what is missing can be named. What no shape tells (noise schedule, scale factor, image size) is v1's.
 * @param source Under canonical names, as `openCheckpoint` gives them.
 * @throws FunctionError `model_corrupt` when no network has such shapes.
 */
export function inferModelConfig({ tensors }: Pick<TensorSource, 'tensors'>, options: InferOptions = {}): ModelConfig {
  const parsed = modelConfigSchema.safeParse({
    ...stableDiffusionV1,
    unet: inferUnet(tensors, options.unetHeads ?? stableDiffusionV1.unet.num_heads),
    vae: inferVae(tensors),
    text: inferText(tensors, options.textHeads),
    ...inferSafety(tensors),
  });
  if (!parsed.success) {
    const field = parsed.error.issues[0]?.path.join('.');
    const problem = `${options.name ?? 'The checkpoint'} has shapes of no v1 model: ${field} cannot be.`;
    throw new FunctionError('model_corrupt', problem, { cause: parsed.error });
  }
  return parsed.data;
}

function inferUnet(tensors: Tensors, heads: number): ModelConfig['unet'] {
  const v1 = stableDiffusionV1.unet;
  const prefix = componentPrefixes.unet;
  const dim = (name: string, axis: number) => tensors.get(prefix + name)?.shape[axis];
  const modelChannels = dim('input_blocks.0.0.weight', 0) ?? dim('time_embed.0.weight', 1) ?? v1.model_channels;
  const middle = 'middle_block.1.transformer_blocks';
  return {
    ...v1,
    ...inferUnetLevels(tensors, modelChannels),
    in_channels: dim('input_blocks.0.0.weight', 1) ?? v1.in_channels,
    out_channels: dim('out.2.weight', 0) ?? v1.out_channels,
    model_channels: modelChannels,
    num_heads: heads,
    transformer_depth: countBlocks(tensors, `${prefix}${middle}.`) ?? v1.transformer_depth,
    context_dim: dim(`${middle}.0.attn2.to_k.weight`, 1) ?? v1.context_dim,
  };
}

interface UnetLevel {
  channels: number;
  blocks: number;
  attends: boolean;
}

/** Walks the way down; undefined where a block is missing or the levels differ in ways no configuration expresses. */
function inferUnetLevels(tensors: Tensors, modelChannels: number) {
  const blockCount = countBlocks(tensors, `${componentPrefixes.unet}input_blocks.`) ?? 0;
  const levels: UnetLevel[] = [{ channels: 0, blocks: 0, attends: false }];
  for (let i = 1; i < blockCount; i += 1) {
    const name = `${componentPrefixes.unet}input_blocks.${i}`;
    const level = levels.at(-1) as UnetLevel;
    if (tensors.has(`${name}.0.op.weight`)) {
      levels.push({ channels: 0, blocks: 0, attends: false });
      continue;
    }
    const channels = tensors.get(`${name}.0.in_layers.2.weight`)?.shape[0];
    if (channels === undefined) return undefined;
    level.channels = channels;
    level.blocks += 1;
    level.attends ||= tensors.has(`${name}.1.norm.weight`);
  }
  const blocks = levels[0]?.blocks;
  if (!blocks || levels.some((level) => level.blocks !== blocks)) return undefined;
  const attention = levels.flatMap(({ attends }, i) => (attends ? [2 ** i] : []));
  return {
    channel_mult: levels.map(({ channels }) => multiple(channels, modelChannels)),
    num_res_blocks: blocks,
    attention_resolutions: attention.reverse(),
  };
}

function inferVae(tensors: Tensors): ModelConfig['vae'] {
  const v1 = stableDiffusionV1.vae;
  const prefix = componentPrefixes.vae;
  const dim = (name: string, axis: number) => tensors.get(prefix + name)?.shape[axis];
  const ch = dim('encoder.conv_in.weight', 0) ?? v1.ch;
  const levelCount = countBlocks(tensors, `${prefix}encoder.down.`) ?? v1.ch_mult.length;
  return {
    ch,
    ch_mult: Array.from({ length: levelCount }, (_, level) => {
      const channels = dim(`encoder.down.${level}.block.0.conv1.weight`, 0);
      return channels === undefined ? (v1.ch_mult[level] ?? 1) : multiple(channels, ch);
    }),
    num_res_blocks: countBlocks(tensors, `${prefix}encoder.down.0.block.`) ?? v1.num_res_blocks,
    z_channels: dim('decoder.conv_in.weight', 1) ?? v1.z_channels,
    embed_dim: dim('post_quant_conv.weight', 1) ?? v1.embed_dim,
    in_channels: dim('encoder.conv_in.weight', 1) ?? v1.in_channels,
    out_ch: dim('decoder.conv_out.weight', 0) ?? v1.out_ch,
  };
}

function inferText(tensors: Tensors, heads: number | undefined): ModelConfig['text'] {
  const v1 = stableDiffusionV1.text;
  const prefix = componentPrefixes.text_encoder;
  const dim = (name: string, axis: number) => tensors.get(prefix + name)?.shape[axis];
  const width = dim('embeddings.token_embedding.weight', 1) ?? v1.width;
  return {
    vocab_size: dim('embeddings.token_embedding.weight', 0) ?? v1.vocab_size,
    width,
    layers: countBlocks(tensors, `${prefix}encoder.layers.`) ?? v1.layers,
    heads: heads ?? Math.max(1, Math.floor(width / 64)),
    mlp: dim('encoder.layers.0.mlp.fc1.weight', 0) ?? v1.mlp,
    positions: dim('embeddings.position_embedding.weight', 0) ?? v1.positions,
  };
}

/** Nothing where there is no tensor of a safety checker. */
function inferSafety(tensors: Tensors): { safety?: SafetyCheckerConfig } {
  const prefix = componentPrefixes.safety_checker;
  if (![...tensors.keys()].some((name) => name.startsWith(prefix))) return {};
  const v1 = safetyCheckerV1;
  const vision = 'vision_model.vision_model.';
  const dim = (name: string, axis: number) => tensors.get(prefix + name)?.shape[axis];
  const width = dim(`${vision}embeddings.class_embedding`, 0) ?? v1.width;
  const patch = dim(`${vision}embeddings.patch_embedding.weight`, 2) ?? v1.patch_size;
  const places = dim(`${vision}embeddings.position_embedding.weight`, 0);
  return {
    safety: {
      image_size: places === undefined ? v1.image_size : Math.round(Math.sqrt(places - 1)) * patch,
      patch_size: patch,
      width,
      layers: countBlocks(tensors, `${prefix}${vision}encoder.layers.`) ?? v1.layers,
      heads: Math.max(1, Math.floor(width / 64)),
      mlp: dim(`${vision}encoder.layers.0.mlp.fc1.weight`, 0) ?? v1.mlp,
      projection: dim('visual_projection.weight', 0) ?? v1.projection,
      concepts: dim('concept_embeds', 0) ?? v1.concepts,
      special_concepts: dim('special_care_embeds', 0) ?? v1.special_concepts,
    },
  };
}

/** Rounded, so that a tensor of a wrong shape is found by the others rather than spoil the configuration. */
function multiple(channels: number, unit: number): number {
  return Math.max(1, Math.round(channels / unit));
}

/** One more than the highest number that follows the prefix; undefined where none does. */
function countBlocks(tensors: Tensors, prefix: string): number | undefined {
  let count: number | undefined;
  for (const name of tensors.keys()) {
    if (!name.startsWith(prefix)) continue;
    const number = Number.parseInt(name.slice(prefix.length), 10);
    if (number < MOST_BLOCKS) count = Math.max(count ?? 0, number + 1);
  }
  return count;
}
