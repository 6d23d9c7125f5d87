/** Apart from the lists themselves, which clients need not load. */
import * as z from 'zod/mini';
import type { SamplerName, ScheduleName } from './samplers.ts';

/** A name that is well known or known elsewhere; the server reads it, and says which names there are. */
const nameOr = <Name extends string>(field: string) => {
  const error = `${field} must be a name`;
  return z.string(error).check(z.minLength(1, error), z.maxLength(64, error)) as unknown as z.ZodMiniType<
    Name | (string & {}),
    Name | (string & {})
  >;
};

/** `dpmpp_2m`, and as well `DPM++ 2M`, `DPM++ 2M Karras`, `k_dpmpp_2m` or `DPMSolverMultistepScheduler`. */
export const samplerInputSchema = nameOr<SamplerName>('sampler');
/** `sgm_uniform`, and as well `SGM Uniform`. */
export const scheduleInputSchema = nameOr<ScheduleName>('schedule');
