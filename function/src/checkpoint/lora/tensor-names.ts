/** A tensor of a LoRA file: a part of what changes one module of the model. */
export interface LoraTensorName {
  /** `unet_` or `te_`, then the module's name in diffusers or CompVis, with `_` for `.`. */
  readonly module: string;
  readonly part: string;
}

/** How kohya's scripts, LyCORIS, diffusers and PEFT name the parts, in this order; the rest of the name is the module. */
const partRules: readonly (readonly [RegExp, (part: string) => string])[] = [
  [/^(.+)\.lora_(down|up|mid)\.weight$/, (part) => part],
  [/^(.+)\.lora_(A|B)(?:\.default)?\.weight$/, (part) => (part === 'A' ? 'down' : 'up')],
  [/^(.+)\.lora(?:_linear_layer)?\.(down|up)\.weight$/, (part) => part],
  [/^(.+)_lora\.(down|up)\.weight$/, (part) => part],
  [/^(.+)\.(hada_\w+|lokr_\w+)(?:\.weight)?$/, (part) => part],
  [/^(.+)\.(?:dora_scale|lora_magnitude_vector)(?:\.default)?(?:\.weight)?()$/, () => 'dora_scale'],
  [/^(.+)\.(alpha|scale|diff|diff_b)$/, (part) => part],
  [/^(lora_[^.]+)\.(.+)$/, (part) => part],
];

const BARE_UNET = /^(?:base_model\.model\.)?(?=(?:down_blocks|mid_block|up_blocks|conv_in|conv_out|time_embedding)\.)/;

const prefixes: readonly (readonly [RegExp, string])[] = [
  [/^lora_unet_/, 'unet_'],
  // diffusers' script for LCM-LoRAs puts `unet.` before PEFT's own prefix.
  [/^(?:base_model\.model\.)?unet\.(?:base_model\.model\.)?/, 'unet_'],
  [/^(?:model\.)?diffusion_model\./, 'unet_'],
  [BARE_UNET, 'unet_'],
  [/^lora_te1?_/, 'te_'],
  [/^(?:base_model\.model\.)?text_encoder\./, 'te_'],
  [/^(?:base_model\.model\.)?(?=text_model\.)/, 'te_'],
];

/** What a tensor of a LoRA file is for; undefined for a name of another kind. */
export function parseLoraName(name: string): LoraTensorName | undefined {
  for (const [pattern, partName] of partRules) {
    const [, module, part] = name.match(pattern) ?? [];
    if (module === undefined || part === undefined) continue;
    const key = moduleKey(module);
    return key === undefined ? undefined : { module: key, part: partName(part) };
  }
  return undefined;
}

function moduleKey(module: string): string | undefined {
  const [pattern, prefix] = prefixes.find(([sign]) => sign.test(module)) ?? [];
  if (pattern === undefined || prefix === undefined) return undefined;
  const inner = module.replace(pattern, '').replace('.processor.', '.').replaceAll('.', '_');
  return prefix + straightenProjections(inner, prefix);
}

/** diffusers' attention processors called the projections of both networks alike, and the last one without its index. */
function straightenProjections(inner: string, prefix: string): string {
  if (prefix === 'te_') return inner.replace(/_to_(q|k|v|out)$/, '_$1_proj');
  return inner.replace(/_to_out$/, '_to_out_0');
}
