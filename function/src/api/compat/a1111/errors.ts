import { httpStatusOf, toPublicError } from '../../error-wire.ts';
import { withNames } from '../compat-input.ts';

/** AUTOMATIC1111's names of the contract's fields, where they differ. */
const FIELD_NAMES: Readonly<Record<string, string>> = {
  negativePrompt: 'negative_prompt',
  clipSkip: 'CLIP_stop_at_last_layers',
  model: 'sd_model_checkpoint',
  guidanceScale: 'cfg_scale',
  guidanceStart: 'skip_early_cond',
  sampler: 'sampler_name',
  schedule: 'scheduler',
  subseedStrength: 'subseed_strength',
  sChurn: 's_churn',
  sTmin: 's_tmin',
  sTmax: 's_tmax',
  sNoise: 's_noise',
  initImage: 'init_images',
  strength: 'denoising_strength',
  resizeMode: 'resize_mode',
  maskBlur: 'mask_blur',
  maskFill: 'inpainting_fill',
  maskPadding: 'inpaint_full_res_padding',
  count: 'batch_size × n_iter',
  format: 'samples_format',
  'hires.scale': 'hr_scale',
  'hires.steps': 'hr_second_pass_steps',
  'hires.strength': 'denoising_strength',
  'hires.upscaler': 'hr_upscaler',
};

/** An error as AUTOMATIC1111 answers it: `error` is its kind, `errors` and `detail` say what it is. */
export const toA1111Error = (error: unknown): Response => {
  const { code, message, retryAfterSeconds } = withNames(toPublicError(error), FIELD_NAMES);
  // It refuses wrong input with 422, where others say 400.
  const status = code === 'invalid_input' ? 422 : httpStatusOf(code);
  const headers = new Headers();
  if (retryAfterSeconds !== undefined) headers.set('retry-after', String(retryAfterSeconds));
  if (status === 401) headers.set('www-authenticate', 'Basic');
  return Response.json({ error: code, detail: message, body: '', errors: message }, { status, headers });
};
