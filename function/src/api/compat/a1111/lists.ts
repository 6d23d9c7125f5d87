import type { ModelInfo } from '@safelight/sdk/contract';
import { samplerDescriptions, scheduleDescriptions } from '../../../describe-samplers.ts';
import type { Engine } from '../../../engine.ts';

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

/** `/loras` */
export const listLoras = (names: readonly string[]) =>
  names.map((name) => ({ name, alias: name, path: name, metadata: {} }));

type Embeddings = Awaited<ReturnType<NonNullable<Engine['embeddings']>>>;

/** `/embeddings`: those that cannot be used are skipped. */
export const listEmbeddings = (embeddings: Embeddings) => {
  const entries = embeddings.map((embedding) => {
    const { length, 0: first } = 'vectors' in embedding ? embedding.vectors : [];
    const training = { step: null, sd_checkpoint: null, sd_checkpoint_name: null };
    return [embedding.name, { ...training, shape: first?.length ?? null, vectors: length }] as const;
  });
  return {
    loaded: Object.fromEntries(entries.filter(([, { vectors }]) => vectors > 0)),
    skipped: Object.fromEntries(entries.filter(([, { vectors }]) => vectors === 0)),
  };
};

/** What programs ask for at their start, and is not here. */
export const EMPTY_LISTS: Readonly<Record<string, unknown>> = {
  'sd-vae': [],
  'sd-modules': [],
  hypernetworks: [],
  'face-restorers': [],
  'realesrgan-models': [],
  'prompt-styles': [],
  scripts: { txt2img: [], img2img: [] },
  'script-info': [],
  extensions: [],
  'cmd-flags': {},
};
