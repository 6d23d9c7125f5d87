import type { ModelConfig } from '../../graphs/model-config.ts';
import { componentPrefixes } from '../layout/component.ts';
import { expectedWeights } from '../layout/expected-weights.ts';

/** A layer that a LoRA may change. */
export interface LoraTarget {
  readonly network: 'unet' | 'text_encoder';
  /** Name of its weight, a matrix or a convolution's kernels, in the original layout. */
  readonly weight: string;
  readonly shape: readonly number[];
  /** Its bias, where it has one: as long as the weight has outputs. */
  readonly bias: string | undefined;
}

/** The layers of a model under the names that LoRA files have for them; see `parseLoraName`. */
export function loraTargets(config: ModelConfig): Map<string, LoraTarget> {
  const weights = expectedWeights(config);
  const targets = new Map<string, LoraTarget>();
  for (const [weight, shape] of weights) {
    const [, module] = weight.match(/^(.+)\.weight$/) ?? [];
    if (module === undefined || (shape.length !== 2 && shape.length !== 4) || module.includes('embeddings.')) continue;
    const bias = weights.has(`${module}.bias`) ? `${module}.bias` : undefined;
    for (const [network, key] of keysOf(module, config.unet.num_res_blocks)) {
      targets.set(key.replaceAll('.', '_'), { network, weight, shape, bias });
    }
  }
  return targets;
}

function keysOf(module: string, blocks: number): (readonly [LoraTarget['network'], string])[] {
  const { unet, text_encoder } = componentPrefixes;
  if (module.startsWith(text_encoder)) {
    return [['text_encoder', `te_text_model.${module.slice(text_encoder.length)}`]];
  }
  if (!module.startsWith(unet)) return [];
  const inner = module.slice(unet.length);
  return [
    ['unet', `unet_${inner}`],
    ['unet', `unet_${diffusersModule(inner, blocks)}`],
  ];
}

/** The reverse of `createDiffusersUnetNameMap`, for modules that have a matrix or kernels. */
function diffusersModule(module: string, blocks: number): string {
  const [, way, number, part, rest = ''] =
    module.match(/^(input|output|middle)_block(?:s\.(\d+))?\.(\d)\.?(.*)$/) ?? [];
  const stride = blocks + 1;
  if (way === 'middle') {
    return part === '1' ? `mid_block.attentions.0.${rest}` : `mid_block.resnets.${Number(part) / 2}.${residual(rest)}`;
  }
  if (way === 'input' && number !== '0') {
    const [level, layer] = divide(Number(number) - 1, stride);
    if (rest === 'op') return `down_blocks.${level}.downsamplers.0.conv`;
    return inLevel(`down_blocks.${level}`, layer, part, rest);
  }
  if (way === 'output') {
    const [level, layer] = divide(Number(number), stride);
    if (rest === 'conv') return `up_blocks.${level}.upsamplers.0.conv`;
    return inLevel(`up_blocks.${level}`, layer, part, rest);
  }
  return outerNames[module] ?? module;
}

function inLevel(level: string, layer: number, part: string | undefined, rest: string): string {
  return part === '0' ? `${level}.resnets.${layer}.${residual(rest)}` : `${level}.attentions.${layer}.${rest}`;
}

function divide(a: number, b: number): [number, number] {
  return [Math.floor(a / b), a % b];
}

const outerNames: Readonly<Record<string, string>> = {
  'input_blocks.0.0': 'conv_in',
  'time_embed.0': 'time_embedding.linear_1',
  'time_embed.2': 'time_embedding.linear_2',
  'out.2': 'conv_out',
};

const residualNames: Readonly<Record<string, string>> = {
  'in_layers.2': 'conv1',
  'emb_layers.1': 'time_emb_proj',
  'out_layers.3': 'conv2',
  skip_connection: 'conv_shortcut',
};

const residual = (name: string) => residualNames[name] ?? name;
