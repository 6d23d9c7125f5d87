import { ddim } from './ddim.ts';
import { dpmpp2m } from './dpmpp-2m.ts';
import { euler } from './euler.ts';
import { eulerAncestral } from './euler-ancestral.ts';
import { plms } from './plms.ts';
import type { Sampler, SamplerName } from './sampler.ts';

export { createNoiseSchedule } from './noise-schedule.ts';
export type { NoisePredictor, SampleInput, Sampler, SamplerName, ScheduleName } from './sampler.ts';

/** Every sampler by the name a request carries. */
export const samplers: Readonly<Record<SamplerName, Sampler>> = {
  ddim,
  plms,
  euler,
  euler_a: eulerAncestral,
  dpmpp_2m: dpmpp2m,
};
