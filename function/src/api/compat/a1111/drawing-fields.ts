import type { ModelInfo } from '@safelight/sdk/contract';
import { describeSampler, readScheduleName } from '../../../describe-samplers.ts';
import { invalidField } from '../compat-input.ts';
import { fitSize, type Size } from '../fit-size.ts';
import type { Body } from '../read-body.ts';
import type { A1111Options } from './options.ts';
import { readFlag, readNumber, readPositive, readText } from './read-fields.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What would change the picture, and cannot be done: refused rather than passed over. */
const refuseImpossible = (body: Body): void => {
  for (const name of ['tiling', 'restore_faces'])
    if (readFlag(body, name) === true) throw invalidField(name, `${name} is not possible here: leave it out`);
  for (const name of ['script_name', 'refiner_checkpoint'])
    if (readText(body, name)) throw invalidField(name, `${name} is not possible here: leave it out`);
  if (Array.isArray(body.styles) && body.styles.length > 0)
    throw invalidField('styles', 'This server has no styles: put their texts into the prompt');
  refuseScripts(body.alwayson_scripts ?? {});
};

/** Programs name scripts that they know with nothing to do: those are fine. */
const refuseScripts = (scripts: object): void => {
  for (const [name, script] of Object.entries(scripts)) {
    const { args = [] } = (script ?? {}) as { args?: object };
    if (Object.keys(args).length === 0) continue;
    const quoted = JSON.stringify(name.slice(0, 40));
    throw invalidField('alwayson_scripts', `This server has no script ${quoted}: leave it out`);
  }
};

/**
 * A sampler's settings. What the sampler has no use for is passed over, as AUTOMATIC1111 does: its programs send
 * `eta`, `s_churn` and the rest with every request.
 */
const samplerFields = (body: Body, { defaults }: ModelInfo): Fields => {
  const asked = readText(body, 'sampler_name') || readText(body, 'sampler_index') || undefined;
  // An unknown name is left for the engine to refuse: it knows which there are.
  const described = describeSampler(asked ?? defaults.sampler)?.sampler;
  const schedule = readText(body, 'scheduler') || undefined;
  const name = schedule === undefined ? undefined : readScheduleName(schedule);
  const isUseless = name !== undefined && name !== 'automatic' && described?.schedules.includes(name) === false;
  const noise = {
    sChurn: readPositive(body, 's_churn'),
    sTmin: readPositive(body, 's_tmin'),
    // 0 is no limit.
    sTmax: readPositive(body, 's_tmax'),
    sNoise: readNumber(body, 's_noise'),
  };
  const useful = Object.entries(noise).filter(([setting]) =>
    (described?.noiseSettings as readonly string[] | undefined)?.includes(setting),
  );
  return {
    sampler: asked,
    schedule: isUseless ? undefined : schedule,
    eta: described?.usesEta ? readNumber(body, 'eta') : undefined,
    ...Object.fromEntries(useful),
  };
};

const seedOf = (body: Body, name: string): number | undefined => {
  const seed = readNumber(body, name);
  return seed === -1 ? undefined : seed;
};

const sizeOf = (body: Body, model: ModelInfo): Size => {
  const { width = model.defaults.width, height = model.defaults.height } = {
    width: readPositive(body, 'width'),
    height: readPositive(body, 'height'),
  };
  return fitSize({ width, height }, model);
};

/**
 * What txt2img and img2img have in common, in the contract's fields.
 * @throws FunctionError `invalid_input` naming AUTOMATIC1111's field.
 */
export const drawingFields = (
  body: Body,
  model: ModelInfo,
  { clipSkip, format, rng, guidanceStart }: Partial<A1111Options>,
): Fields => {
  refuseImpossible(body);
  const strength = readNumber(body, 'subseed_strength') ?? 0;
  return {
    prompt: readText(body, 'prompt') ?? '',
    negativePrompt: readText(body, 'negative_prompt'),
    model: model.name,
    ...sizeOf(body, model),
    steps: readNumber(body, 'steps'),
    guidanceScale: readNumber(body, 'cfg_scale'),
    ...samplerFields(body, model),
    seed: seedOf(body, 'seed'),
    ...(strength === 0 ? {} : { subseed: seedOf(body, 'subseed'), subseedStrength: strength }),
    count: (readNumber(body, 'batch_size') ?? 1) * (readNumber(body, 'n_iter') ?? 1),
    clipSkip,
    guidanceStart,
    format,
    rng,
  };
};
