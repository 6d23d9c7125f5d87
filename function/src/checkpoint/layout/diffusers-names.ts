import { componentPrefixes, type NameMap, rewrite } from './component.ts';

/**
 * diffusers numbers the blocks of each level anew, where CompVis numbers them through; both build the same network.
 * A level of the way down is `layers` residual blocks and a downsampler; one of the way up has a block more.
 * @param names All tensors of the file: the numbering depends on what there is.
 */
export function createDiffusersUnetNameMap(names: Iterable<string>): NameMap {
  const all = [...names];
  const layers = 1 + highest(all, /^down_blocks\.0\.resnets\.(\d+)\./);
  const attendsUp = new Set(all.map((name) => name.match(/^up_blocks\.(\d+)\.attentions\./)?.[1]));
  const stride = layers + 1;

  const module = (name: string): string | undefined => {
    const [, way, level, kind, layer, rest = ''] =
      name.match(/^(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)$/) ?? [];
    if (way === undefined) return rewrite(name, unetRules);
    const first = stride * Number(level);
    if (kind === 'downsamplers') return `input_blocks.${1 + first + layers}.0.${rest.replace(/^conv\./, 'op.')}`;
    if (kind === 'upsamplers') return `output_blocks.${first + layers}.${attendsUp.has(level) ? 2 : 1}.${rest}`;
    const block =
      way === 'down' ? `input_blocks.${1 + first + Number(layer)}` : `output_blocks.${first + Number(layer)}`;
    return kind === 'attentions' ? `${block}.1.${rest}` : `${block}.0.${residualName(rest)}`;
  };
  return (name) => {
    const inner = module(name);
    return inner === undefined ? undefined : `${componentPrefixes.unet}${inner}`;
  };
}

/** @param names All tensors of the file: the decoder's levels are numbered from the other end. */
export function createDiffusersVaeNameMap(names: Iterable<string>): NameMap {
  const top = highest([...names], /^decoder\.up_blocks\.(\d+)\./);
  const module = (name: string): string | undefined => {
    const [, way, level, kind, layer, rest = ''] =
      name.match(/^(encoder\.down|decoder\.up)_blocks\.(\d+)\.(resnets|downsamplers|upsamplers)\.(\d+)\.(.+)$/) ?? [];
    if (way === undefined) return rewrite(name, vaeRules);
    const target = `${way}.${way === 'encoder.down' ? level : top - Number(level)}`;
    if (kind !== 'resnets') return `${target}.${kind === 'downsamplers' ? 'downsample' : 'upsample'}.${rest}`;
    return `${target}.block.${layer}.${rest.replace(/^conv_shortcut\./, 'nin_shortcut.')}`;
  };
  return (name) => {
    const inner = module(name);
    return inner === undefined ? undefined : `${componentPrefixes.vae}${inner}`;
  };
}

const residualRules = [
  [/^norm1\.(.+)$/, 'in_layers.0.$1'],
  [/^conv1\.(.+)$/, 'in_layers.2.$1'],
  [/^time_emb_proj\.(.+)$/, 'emb_layers.1.$1'],
  [/^norm2\.(.+)$/, 'out_layers.0.$1'],
  [/^conv2\.(.+)$/, 'out_layers.3.$1'],
  [/^conv_shortcut\.(.+)$/, 'skip_connection.$1'],
] as const;

const residualName = (name: string) => rewrite(name, residualRules) ?? name;

const unetRules = [
  [/^conv_in\.(.+)$/, 'input_blocks.0.0.$1'],
  [/^time_embedding\.linear_1\.(.+)$/, 'time_embed.0.$1'],
  [/^time_embedding\.linear_2\.(.+)$/, 'time_embed.2.$1'],
  [/^conv_norm_out\.(.+)$/, 'out.0.$1'],
  [/^conv_out\.(.+)$/, 'out.2.$1'],
  [/^mid_block\.attentions\.0\.(.+)$/, 'middle_block.1.$1'],
  ...[0, 1].flatMap((layer) =>
    residualRules.map(([pattern, replacement]) => {
      const inner = pattern.source.slice(1);
      return [
        new RegExp(`^mid_block\\.resnets\\.${layer}\\.${inner}`),
        `middle_block.${2 * layer}.${replacement}`,
      ] as const;
    }),
  ),
] as const;

/** The attention's names have changed over diffusers' versions. */
const vaeRules = [
  [/^((?:post_)?quant_conv\..+)$/, '$1'],
  [/^((?:encoder|decoder)\.conv_(?:in|out)\..+)$/, '$1'],
  [/^(encoder|decoder)\.conv_norm_out\.(.+)$/, '$1.norm_out.$2'],
  [/^(encoder|decoder)\.mid_block\.resnets\.0\.(.+)$/, '$1.mid.block_1.$2'],
  [/^(encoder|decoder)\.mid_block\.resnets\.1\.(.+)$/, '$1.mid.block_2.$2'],
  [/^(encoder|decoder)\.mid_block\.attentions\.0\.group_norm\.(.+)$/, '$1.mid.attn_1.norm.$2'],
  [/^(encoder|decoder)\.mid_block\.attentions\.0\.(?:query|to_q)\.(.+)$/, '$1.mid.attn_1.q.$2'],
  [/^(encoder|decoder)\.mid_block\.attentions\.0\.(?:key|to_k)\.(.+)$/, '$1.mid.attn_1.k.$2'],
  [/^(encoder|decoder)\.mid_block\.attentions\.0\.(?:value|to_v)\.(.+)$/, '$1.mid.attn_1.v.$2'],
  [/^(encoder|decoder)\.mid_block\.attentions\.0\.(?:proj_attn|to_out\.0)\.(.+)$/, '$1.mid.attn_1.proj_out.$2'],
] as const;

/** The highest number a pattern finds; -1 where it finds none. */
function highest(names: readonly string[], pattern: RegExp): number {
  return names.reduce((most, name) => Math.max(most, Number(name.match(pattern)?.[1] ?? -1)), -1);
}
