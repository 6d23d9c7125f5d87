import type { CheckpointFile } from '../tensor-source.ts';

const XL = 'Stable Diffusion XL';
const V2 = 'Stable Diffusion 2';

/** Names that only a LoRA of another architecture has. */
const nameSigns: readonly (readonly [RegExp, string])[] = [
  [/^(?:lora_te2_|text_encoder_2\.)/, XL],
  [
    /^(?:lora_)?(?:unet|transformer|diffusion_model)[._](?:double|single|joint)_(?:transformer_)?blocks/,
    'a diffusion transformer, such as Flux',
  ],
  [/^(?:transformer|diffusion_model|lora_transformer)[._]transformer_blocks/, 'a diffusion transformer'],
];

/** What trainers note, kohya's scripts as `ss_base_model_version`, others as `modelspec.architecture`. */
const noteSigns: readonly (readonly [RegExp, string])[] = [
  [/^(?:sdxl|stable-diffusion-xl)/i, XL],
  [/^(?:sd_?v?2|stable-diffusion-v?2)/i, V2],
  [/^(?:sd_?v?3|stable-diffusion-v?3)/i, 'Stable Diffusion 3'],
  [/^flux/i, 'Flux'],
];

/** Widths of the prompt embeddings that the UNets attend to. */
const contextDims: Readonly<Record<number, string>> = { 1024: V2, 2048: XL };
/** A matrix that is multiplied with prompt embeddings, by the factor whose rows are as long as those. */
const CONTEXT_FACTOR =
  /attn2[._](?:processor\.)?to_[kv](?:_lora)?\.(?:lora_down|lora_A|lora\.down|down|hada_w1_b)(?:\.default)?(?:\.weight)?$/;

/** The model that a LoRA is made for, where that is none of v1. @param contextDim Of the model it is wanted for. */
export function foreignBase(file: CheckpointFile, contextDim: number): string | undefined {
  const tensors = [...file.tensors.values()];
  for (const [sign, base] of nameSigns) if (tensors.some(({ name }) => sign.test(name))) return base;
  for (const { name, shape } of tensors) {
    const [, width = 0] = shape;
    if (width !== contextDim && CONTEXT_FACTOR.test(name) && contextDims[width] !== undefined)
      return contextDims[width];
  }
  const { metadata } = file;
  if (metadata?.get('ss_v2') === 'True') return V2;
  for (const key of ['ss_base_model_version', 'modelspec.architecture']) {
    const note = metadata?.get(key) ?? '';
    for (const [sign, base] of noteSigns) if (sign.test(note)) return base;
  }
  return undefined;
}
