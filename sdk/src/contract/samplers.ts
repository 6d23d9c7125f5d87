import * as z from 'zod/mini';

/** Samplers by the name that settings carry. The server takes the names of AUTOMATIC1111 and diffusers too. */
export const samplerSchema = z.enum([
  'ddim',
  'plms',
  'unipc',
  'euler',
  'euler_a',
  'lms',
  'heun',
  'dpm2',
  'dpm2_a',
  'dpmpp_2s_a',
  'dpmpp_2m',
  'dpmpp_sde',
  'dpmpp_2m_sde',
  'dpmpp_2m_sde_heun',
  'dpmpp_3m_sde',
  'lcm',
  'restart',
]);
export type SamplerName = z.infer<typeof samplerSchema>;

/** How noise levels are spread over the steps, by the name that settings carry. */
export const scheduleSchema = z.enum([
  'normal',
  'karras',
  'exponential',
  'sgm_uniform',
  'simple',
  'ddim_uniform',
  'beta',
  'align_your_steps',
]);
export type ScheduleName = z.infer<typeof scheduleSchema>;
