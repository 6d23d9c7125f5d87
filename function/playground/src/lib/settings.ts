import type { GenerateInput, GenerateSettings, ModelInfo } from '@safelight/sdk';

/** Settings that few touch: the form has no fields for them, and carries them along from a picture that has them. */
const otherFields = [
  ...(['sChurn', 'sTmin', 'sTmax', 'sNoise', 'subseed', 'subseedStrength'] as const),
  ...(['resizeMode', 'invertMask', 'maskBlur', 'maskFill', 'inpaintArea', 'maskPadding', 'outpaint', 'hires'] as const),
  ...(['loras', 'decoder', 'watermark', 'safety'] as const),
];
export type OtherSettings = Pick<GenerateInput, (typeof otherFields)[number]>;

/** What the form holds: texts, as they are typed. An empty one leaves the choice to the server. */
export interface Settings {
  prompt: string;
  negativePrompt: string;
  promptSyntax: 'a1111' | 'plain';
  clipSkip: string;
  model: string;
  width: string;
  height: string;
  steps: string;
  guidanceScale: string;
  /** The part of the steps that is guided, from 0 to 1. */
  guidanceStart: string;
  guidanceEnd: string;
  /** Every how many predictions all of the UNet is computed. */
  deepCache: string;
  sampler: string;
  schedule: string;
  eta: string;
  seed: string;
  rng: 'cuda' | 'cpu';
  count: string;
  format: 'png' | 'jpeg' | 'webp';
  /** The picture to start from, by the key of its upload. */
  initImage: string;
  strength: string;
  /** White where to draw, by the key of its upload. */
  mask: string;
  others: OtherSettings;
}

/** The settings that are texts, and so have a field of their own. */
export type TextField = Exclude<keyof Settings, 'others'>;

/** Starting from noise alone. */
export const noStart = { initImage: '', strength: '', mask: '' } satisfies Partial<Settings>;

/** Guidance and all of the UNet at every step. */
export const wholeSteps = { guidanceStart: '', guidanceEnd: '', deepCache: '' } satisfies Partial<Settings>;

/** A fresh form for a model. */
export function defaultSettings(model: ModelInfo): Settings {
  const { width, height, steps, guidanceScale, sampler } = model.defaults;
  return {
    prompt: '',
    negativePrompt: '',
    promptSyntax: 'a1111',
    clipSkip: '',
    model: model.name,
    width: String(width),
    height: String(height),
    steps: String(steps),
    guidanceScale: String(guidanceScale),
    ...wholeSteps,
    sampler,
    schedule: '',
    eta: '',
    seed: '',
    rng: 'cuda',
    count: '1',
    format: 'png',
    ...noStart,
    others: {},
  };
}

/** What to ask the server for. Whether the numbers are allowed is checked by the SDK, which says it in words. */
export function toInput(settings: Settings): GenerateInput {
  const { prompt, negativePrompt, promptSyntax, model, rng, format } = settings;
  const { sampler, schedule, initImage, mask } = settings;
  return {
    prompt,
    ...(negativePrompt !== '' && { negativePrompt }),
    ...(promptSyntax !== 'a1111' && { promptSyntax }),
    model,
    ...numbers(settings),
    ...(sampler !== '' && { sampler }),
    ...(schedule !== '' && { schedule }),
    ...(rng !== 'cuda' && { rng }),
    ...(format !== 'png' && { format }),
    ...(initImage !== '' && { initImage }),
    ...(initImage !== '' && mask !== '' && { mask }),
    ...settings.others,
  };
}

const numberFields = [
  'width',
  'height',
  'steps',
  'guidanceScale',
  'guidanceStart',
  'guidanceEnd',
  'deepCache',
  'eta',
  'clipSkip',
  'seed',
  'count',
  'strength',
] as const;

function numbers(settings: Settings): Partial<Record<(typeof numberFields)[number], number>> {
  const given = numberFields.filter((field) => settings[field].trim() !== '');
  return Object.fromEntries(given.map((field) => [field, Number(settings[field])]));
}

/**
 * The settings of a job, to be used again.
 * @param seed That of one picture, where only this one is wanted. Pictures that vary the same seed come together only.
 */
export function fromSettings(used: GenerateSettings, seed?: number): Settings {
  const isWhole = used.count === 1 || used.subseed !== undefined || seed === undefined;
  return {
    prompt: used.prompt,
    negativePrompt: used.negativePrompt,
    promptSyntax: used.promptSyntax ?? 'plain',
    clipSkip: used.clipSkip === undefined ? '' : String(used.clipSkip),
    model: used.model,
    width: String(used.width),
    height: String(used.height),
    steps: String(used.steps),
    guidanceScale: String(used.guidanceScale),
    guidanceStart: used.guidanceStart === undefined ? '' : String(used.guidanceStart),
    guidanceEnd: used.guidanceEnd === undefined ? '' : String(used.guidanceEnd),
    deepCache: used.deepCache === undefined ? '' : String(used.deepCache),
    sampler: used.sampler,
    schedule: used.schedule,
    eta: String(used.eta),
    seed: String(isWhole ? used.seed : seed),
    rng: used.rng,
    count: isWhole ? String(used.count) : '1',
    format: used.format,
    initImage: used.initImage ?? '',
    strength: used.strength === undefined ? '' : String(used.strength),
    mask: used.mask ?? '',
    others: Object.fromEntries(otherFields.flatMap((name) => (used[name] === undefined ? [] : [[name, used[name]]]))),
  };
}

export const randomSeed = (): string => String(crypto.getRandomValues(new Uint32Array(1))[0] ?? 0);
