import { invalidField } from '../compat-input.ts';
import type { Body } from '../read-body.ts';
import { readFlag, readNumber, readPositive, readText } from './read-fields.ts';

/** AUTOMATIC1111's upscalers that there are here; `None` enlarges with Lanczos there, too. */
const UPSCALERS: Readonly<Record<string, 'latent' | 'lanczos'>> = {
  Latent: 'latent',
  Lanczos: 'lanczos',
  None: 'lanczos',
};

const readUpscaler = (body: Body): 'latent' | 'lanczos' => {
  const upscaler = UPSCALERS[readText(body, 'hr_upscaler') ?? 'Latent'];
  if (upscaler !== undefined) return upscaler;
  throw invalidField('hr_upscaler', `hr_upscaler must be one of ${Object.keys(UPSCALERS).join(', ')}`);
};

const readScale = (body: Body): number => {
  if (readPositive(body, 'hr_resize_x') ?? readPositive(body, 'hr_resize_y'))
    throw invalidField('hr_resize_x', 'hr_resize_x and hr_resize_y are not possible here: use hr_scale');
  return readNumber(body, 'hr_scale') ?? 2;
};

/** The enlarging run of txt2img. @throws FunctionError `invalid_input` naming AUTOMATIC1111's field. */
export const hiresFields = (body: Body): Readonly<Record<string, unknown>> => {
  if (readFlag(body, 'enable_hr') !== true) return {};
  const steps = readPositive(body, 'hr_second_pass_steps');
  const strength = readNumber(body, 'denoising_strength') ?? 0.75;
  return { hires: { scale: readScale(body), strength, upscaler: readUpscaler(body), ...(steps && { steps }) } };
};
