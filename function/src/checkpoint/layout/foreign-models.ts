import type { CheckpointPart } from './component.ts';
import { unwrapName } from './compvis-names.ts';

/** What else people have in files like these, by a tensor only it has. In this order: an SDXL LoRA is a LoRA. */
const signs: readonly (readonly [RegExp, string])[] = [
  [/^emb_params$/, 'a textual-inversion embedding'],
  [
    /^lora_(?:unet|te\d?)_|(?:\.|_)lora(?:_|\.)(?:up|down|A|B|linear_layer)|\.(?:hada|lokr)_w1/,
    'a LoRA, which changes a model but is none',
  ],
  [/^control_model\.|^controlnet_cond_embedding\./, 'a ControlNet, which steers a model but is none'],
  [/\bmotion_modules\.\d/, 'an AnimateDiff motion module'],
  [/^conditioner\.embedders\.1\.|^model\.diffusion_model\.label_emb\.|^add_embedding\./, 'a Stable Diffusion XL model'],
  [/(?:^|\.)(?:joint|double|single|double_stream)_blocks\.\d|^single_transformer_blocks\./, 'a diffusion transformer'],
  [/^cond_stage_model\.model\./, 'a Stable Diffusion v2 model'],
];

const CONTEXT_WEIGHT = /attn2\.to_k\.weight$/;
const CONTEXT_DIM_OF_V2 = 1024;
const EMBEDDING_WIDTHS = [768, 1024, 1280];

/** Names a model of another kind. @returns A noun with its article, or undefined for what may be (of) a v1 model. */
export function recognizeForeign({ holds, file: { tensors, nesting } }: CheckpointPart): string | undefined {
  if (nesting.some((key) => key.startsWith('string_to_'))) return 'a textual-inversion embedding';
  const found = [...tensors.values()].map(({ name, shape }) => ({ name: unwrapName(name), shape }));
  for (const [sign, model] of signs) if (found.some(({ name }) => sign.test(name))) return model;
  const isOfV2 = found.some(({ name, shape }) => CONTEXT_WEIGHT.test(name) && shape[1] === CONTEXT_DIM_OF_V2);
  if (isOfV2) return 'a Stable Diffusion v2 model';
  return holds === 'model' ? recognizePiece(found) : undefined;
}

/** A network of a model, in a file that should hold all of it. */
function recognizePiece(tensors: readonly { name: string; shape: readonly number[] }[]): string | undefined {
  const has = (pattern: RegExp) => tensors.some(({ name }) => pattern.test(name));
  const hasVae = has(/^(?:first_stage_model\.)?(?:encoder|decoder)\.conv_in\./);
  const hasText = has(/(?:^|\.)encoder\.layers\.\d+\.self_attn\./);
  const hasUnet = has(/^(?:model_ema\.)?(?:model\.)?diffusion_model/);
  if (hasUnet) return undefined;
  if (has(/^down_blocks\.0\./)) return 'a UNet alone, whose folder with model_index.json holds the rest';
  if (hasVae && !hasText) return 'a VAE alone';
  if (hasText && !hasVae) return 'a text encoder alone';
  const isEmbedding = ({ shape }: { shape: readonly number[] }) =>
    shape.length <= 2 && EMBEDDING_WIDTHS.includes(shape.at(-1) ?? 0);
  if (tensors.length > 0 && tensors.length <= 2 && tensors.every(isEmbedding)) return 'a textual-inversion embedding';
  return undefined;
}
