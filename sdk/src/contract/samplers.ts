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

/** A name that is well known or known elsewhere; the server reads it, and says which names there are. */
const nameOr = <Name extends string>(field: string) => {
  const error = `${field} must be a name of at most 64 characters`;
  return z.string(error).check(z.minLength(1, error), z.maxLength(64, error)) as unknown as z.ZodMiniType<
    Name | (string & {}),
    Name | (string & {})
  >;
};

/** `dpmpp_2m`, and as well `DPM++ 2M`, `DPM++ 2M Karras`, `k_dpmpp_2m` or `DPMSolverMultistepScheduler`. */
export const samplerInputSchema = nameOr<SamplerName>('sampler');
/** `sgm_uniform`, and as well `SGM Uniform`. */
export const scheduleInputSchema = nameOr<ScheduleName>('schedule');
