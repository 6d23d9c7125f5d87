import type { ModelInfo } from '@safelight/sdk/contract';
import { samplerDescriptions, scheduleDescriptions } from '../../../describe-samplers.ts';

/** `/samplers` */
export const listSamplers = () =>
  samplerDescriptions.map(({ name, label, aliases, isSecondOrder }) => ({
    name: label,
    aliases: [name, ...aliases],
    options: isSecondOrder ? { second_order: 'True' } : {},
  }));

/** `/schedulers` */
export const listSchedulers = () => [
  { name: 'automatic', label: 'Automatic', aliases: null, default_rho: -1, need_inner_model: false },
  ...scheduleDescriptions.map(({ name, label, aliases }) => ({
    ...{ name, label, aliases: [...aliases] },
    default_rho: -1,
    need_inner_model: false,
  })),
];

/** `/upscalers`: those of the enlarging run that work on pictures. */
export const listUpscalers = () =>
  ['None', 'Lanczos'].map((name) => ({ name, model_name: null, model_path: null, model_url: null, scale: 4 }));

/** `/latent-upscale-modes`: those that work on latents. */
export const listLatentUpscaleModes = () => [{ name: 'Latent' }];

/** `/sd-models` */
export const listModels = (models: readonly ModelInfo[]) =>
  models.map(({ name }) => ({
    ...{ title: name, model_name: name, filename: name },
    ...{ hash: null, sha256: null, config: null },
  }));

/** What programs ask for at their start, and is not here. */
export const EMPTY_LISTS: Readonly<Record<string, unknown>> = {
  'sd-vae': [],
  'sd-modules': [],
  hypernetworks: [],
  'face-restorers': [],
  'realesrgan-models': [],
  'prompt-styles': [],
  loras: [],
  embeddings: { loaded: {}, skipped: {} },
  scripts: { txt2img: [], img2img: [] },
  'script-info': [],
  extensions: [],
  'cmd-flags': {},
};
