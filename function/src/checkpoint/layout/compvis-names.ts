import { componentPrefixes, type NameMap, rewrite } from './component.ts';

/**
 * Names in files of the original layout, and of the programs that write nearly it: wrapped once more on the way, or with
 * the text encoder's `text_model.` left out, or with another program's modules put in between (`wrapped`).
 */
const modelRules = [
  [/^(model\.diffusion_model\..+)$/, '$1'],
  [
    /^(?:cond_stage_model|conditioner\.embedders\.0)\.(?:wrapped\.)?transformer\.(?:text_model\.)?((?:embeddings|encoder|final_layer_norm)\..+)$/,
    `${componentPrefixes.text_encoder}$1`,
  ],
  [/^(first_stage_model\.(?:encoder|decoder|quant_conv|post_quant_conv)\..+)$/, '$1'],
] as const;

const vaeRules = [
  [/^(?:first_stage_model\.)?((?:encoder|decoder|quant_conv|post_quant_conv)\..+)$/, `${componentPrefixes.vae}$1`],
] as const;

const textRules = [
  [/^(?:text_model\.)?((?:embeddings|encoder|final_layer_norm)\..+)$/, `${componentPrefixes.text_encoder}$1`],
] as const;

const safetyRules = [
  [/^(vision_model\.vision_model\..+|visual_projection\.weight)$/, `${componentPrefixes.safety_checker}$1`],
  [/^((?:concept|special_care)_embeds(?:_weights)?)$/, `${componentPrefixes.safety_checker}$1`],
] as const;

/** A name without what programs put before it that saved a module inside another. */
export function unwrapName(name: string): string {
  return name.replace(/^(?:state_dict\.|module\.)+/, '');
}

/** A whole model in one file. */
export const compVisName: NameMap = (name) =>
  rewrite(unwrapName(name).replace('token_embedding.wrapped.', 'token_embedding.'), modelRules);

/** A VAE in a file of its own, in the original layout. */
export const compVisVaeName: NameMap = (name) => rewrite(name, vaeRules);

/** CLIP's text encoder in a file of its own: Hugging Face's names, which CompVis has taken over. */
export const textEncoderName: NameMap = (name) => rewrite(name, textRules);

/** diffusers' safety checker. */
export const safetyCheckerName: NameMap = (name) => rewrite(name, safetyRules);

/** Not a weight: 0, 1, 2, … 76, stored as whole numbers or, in some files, as floats. */
export function isPositionIds(name: string): boolean {
  return name.endsWith('embeddings.position_ids');
}

/** `LitEma` keeps its copy of a weight under the weight's name without dots. */
export function emaName(name: string): string {
  return `model_ema.${name.slice('model.'.length).replaceAll('.', '')}`;
}
