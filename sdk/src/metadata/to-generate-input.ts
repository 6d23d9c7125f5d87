import type { GenerateInput } from '../contract/index.ts';
import type { PictureParameters } from './read-parameters.ts';

/** The pair in which Safelight keeps, as JSON, what AUTOMATIC1111 has no name for. */
export const OWN_PAIR = 'Safelight';

const numberFields = {
  Steps: 'steps',
  'CFG scale': 'guidanceScale',
  Seed: 'seed',
  'Clip skip': 'clipSkip',
  'Eta DDIM': 'eta',
  Eta: 'eta',
  'Skip Early CFG': 'guidanceStart',
  'Guidance end': 'guidanceEnd',
  'Deep cache': 'deepCache',
  'Sigma churn': 'sChurn',
  'Sigma tmin': 'sTmin',
  'Sigma tmax': 'sTmax',
  'Sigma noise': 'sNoise',
  'Variation seed': 'subseed',
  'Variation seed strength': 'subseedStrength',
  'Mask blur': 'maskBlur',
  'Masked area padding': 'maskPadding',
} as const;

/**
 * What to ask for to get a picture again: input of `generate`, but for the pictures that it started from. Samplers and
 * schedules keep the names they have in the file; whether a server has the model it will say.
 */
export function toGenerateInput({ prompt, negativePrompt, values }: PictureParameters): GenerateInput {
  const numbers = Object.entries(numberFields).map(([name, field]) => [field, toNumber(values.get(name))] as const);
  const [, width, height] = /^(\d+)x(\d+)$/.exec(values.get('Size') ?? '') ?? [];
  const model = values.get('Model') ?? '';
  const read = {
    prompt,
    negativePrompt: negativePrompt === '' ? undefined : negativePrompt,
    model: /^[a-z0-9][a-z0-9._-]{0,63}$/.test(model) ? model : undefined,
    width: toNumber(width),
    height: toNumber(height),
    ...Object.fromEntries(numbers.filter(([, value]) => value !== undefined)),
    sampler: values.get('Sampler'),
    schedule: values.get('Schedule type'),
    ...readStart(values),
    decoder: values.get('VAE Decoder') === 'TAESD' ? 'preview' : undefined,
    rng: values.get('RNG') === 'CPU' ? 'cpu' : undefined,
    ...readOwn(values.get(OWN_PAIR)),
  };
  return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined)) as GenerateInput;
}

function readStart(values: PictureParameters['values']): Partial<GenerateInput> {
  const strength = toNumber(values.get('Denoising strength'));
  const scale = toNumber(values.get('Hires upscale'));
  const maskFill = values.get('Masked content')?.replaceAll(' ', '_') as GenerateInput['maskFill'];
  const steps = toNumber(values.get('Hires steps'));
  return {
    strength: scale === undefined ? strength : undefined,
    maskFill,
    inpaintArea: values.get('Inpaint area') === 'Only masked' ? 'masked' : undefined,
    hires:
      scale === undefined
        ? undefined
        : {
            scale,
            // 0 is AUTOMATIC1111's for as many as the first run.
            ...(steps ? { steps } : {}),
            ...(strength === undefined ? {} : { strength }),
            upscaler: /^latent/i.test(values.get('Hires upscaler') ?? 'Latent') ? 'latent' : 'lanczos',
          },
  } as Partial<GenerateInput>;
}

/** A picture comes from anywhere: it does not say which uploads to take, nor how many pictures to draw. */
function readOwn(json: string | undefined): Partial<GenerateInput> {
  try {
    const { initImage, mask, count, ...own } = JSON.parse(json ?? '{}');
    const areTexts = [own.prompt, own.negativePrompt].every((text) => ['string', 'undefined'].includes(typeof text));
    return areTexts ? own : {};
  } catch {
    return {};
  }
}

function toNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d+(\.\d+)?(e-?\d+)?$/.test(text) ? Number(text) : undefined;
}
