/** Takes a checkpoint of the original layout apart into diffusers' folders, as its conversion script does. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeSafetensors, type TensorData, type Tensors } from './checkpoint-writer.ts';

export interface DiffusersStyle {
  /** The VAE's attention as since diffusers 0.15, linear layers called `to_q`; before, `query`. @defaultValue 'new' */
  attention?: 'new' | 'old';
  /** The UNet's `proj_in` and `proj_out` as linear layers. @defaultValue false */
  linearProjections?: boolean;
  /** Written instead of `model.safetensors` and `diffusion_pytorch_model.safetensors`. */
  write?: (folder: string, stem: string, tensors: Tensors) => Promise<void>;
}

/** How many residual blocks a level of the UNet has: what the numbering depends on. */
export interface UnetShape {
  layers: number;
  vaeLevels: number;
}

export async function writeDiffusersFolder(
  folder: string,
  tensors: Tensors,
  shape: UnetShape,
  style: DiffusersStyle = {},
): Promise<void> {
  const { write = writeSafetensors } = style;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model_index.json'), '{"_class_name": "StableDiffusionPipeline"}');
  for (const [component, prefix, stem] of [
    ['text_encoder', 'cond_stage_model.transformer.', 'model'],
    ['unet', 'model.diffusion_model.', 'diffusion_pytorch_model'],
    ['vae', 'first_stage_model.', 'diffusion_pytorch_model'],
  ] as const) {
    await mkdir(join(folder, component));
    const rename = { text_encoder: (name: string) => name, unet: unetName(shape), vae: vaeName(shape, style) }[
      component
    ];
    const own = [...tensors].filter(([name]) => name.startsWith(prefix));
    const converted = own.map(([name, tensor]): [string, TensorData] => {
      const renamed = rename(name.slice(prefix.length));
      return [renamed, flattenIfLinear(renamed, tensor, style)];
    });
    await write(join(folder, component), stem, new Map(converted));
  }
}

async function writeSafetensors(folder: string, stem: string, tensors: Tensors): Promise<void> {
  await writeFile(join(folder, `${stem}.safetensors`), encodeSafetensors(tensors));
}

function flattenIfLinear(name: string, tensor: TensorData, { linearProjections }: DiffusersStyle): TensorData {
  const isLinear =
    /mid_block\.attentions\.0\.(query|key|value|proj_attn|to_q|to_k|to_v|to_out\.0)\.weight/.test(name) ||
    (linearProjections && /proj_(in|out)\.weight/.test(name));
  return isLinear ? { ...tensor, shape: tensor.shape.slice(0, 2) } : tensor;
}

const resnetParts: [string, string][] = [
  ['in_layers.0', 'norm1'],
  ['in_layers.2', 'conv1'],
  ['emb_layers.1', 'time_emb_proj'],
  ['out_layers.0', 'norm2'],
  ['out_layers.3', 'conv2'],
  ['skip_connection', 'conv_shortcut'],
];

function unetName({ layers }: UnetShape): (name: string) => string {
  const fixed: [string, string][] = [
    ['time_embed.0', 'time_embedding.linear_1'],
    ['time_embed.2', 'time_embedding.linear_2'],
    ['input_blocks.0.0', 'conv_in'],
    ['out.0', 'conv_norm_out'],
    ['out.2', 'conv_out'],
    ['middle_block.1', 'mid_block.attentions.0'],
  ];
  return (name) => {
    for (const [from, to] of fixed) if (name.startsWith(`${from}.`)) return name.replace(from, to);
    const [block, first, second, ...others] = name.split('.');
    if (block === 'middle_block') {
      return `mid_block.resnets.${first === '0' ? 0 : 1}.${resnetName([second, ...others].join('.'))}`;
    }
    const isDown = block === 'input_blocks';
    const index = Number(first) - (isDown ? 1 : 0);
    const level = `${isDown ? 'down' : 'up'}_blocks.${Math.floor(index / (layers + 1))}`;
    return `${level}.${partOfLevel(second === '1', index % (layers + 1), others.join('.'))}`;
  };
}

function partOfLevel(isAttention: boolean, layer: number, rest: string): string {
  if (rest.startsWith('op.')) return `downsamplers.0.${rest.replace('op', 'conv')}`;
  if (rest.startsWith('conv.')) return `upsamplers.0.${rest}`;
  return isAttention ? `attentions.${layer}.${rest}` : `resnets.${layer}.${resnetName(rest)}`;
}

function resnetName(name: string): string {
  const [from, to] = resnetParts.find(([part]) => name.startsWith(part)) as [string, string];
  return name.replace(from, to);
}

function vaeName({ vaeLevels }: UnetShape, { attention = 'new' }: DiffusersStyle): (name: string) => string {
  const attentionParts = {
    new: { q: 'to_q', k: 'to_k', v: 'to_v', proj_out: 'to_out.0', norm: 'group_norm' },
    old: { q: 'query', k: 'key', v: 'value', proj_out: 'proj_attn', norm: 'group_norm' },
  }[attention];
  return (name) =>
    name
      .replace(/down\.(\d)\.block\.(\d)/, 'down_blocks.$1.resnets.$2')
      .replace(/down\.(\d)\.downsample/, 'down_blocks.$1.downsamplers.0')
      .replace(/up\.(\d)\.block\.(\d)/, (_, up, block) => `up_blocks.${vaeLevels - 1 - up}.resnets.${block}`)
      .replace(/up\.(\d)\.upsample/, (_, up) => `up_blocks.${vaeLevels - 1 - up}.upsamplers.0`)
      .replace('mid.block_1', 'mid_block.resnets.0')
      .replace('mid.block_2', 'mid_block.resnets.1')
      .replace(/mid\.attn_1\.(q|k|v|proj_out|norm)\./, (_, part: keyof typeof attentionParts) => {
        return `mid_block.attentions.0.${attentionParts[part]}.`;
      })
      .replace('norm_out', 'conv_norm_out')
      .replace('nin_shortcut', 'conv_shortcut');
}
