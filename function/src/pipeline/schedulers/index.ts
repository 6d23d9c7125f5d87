import { ddim } from './ddim.ts';
import { dpm2 } from './dpm2.ts';
import { dpm2Ancestral } from './dpm2-ancestral.ts';
import { dpmpp2m } from './dpmpp-2m.ts';
import { dpmpp2mSde, dpmpp2mSdeHeun } from './dpmpp-2m-sde.ts';
import { dpmpp2sAncestral } from './dpmpp-2s-ancestral.ts';
import { dpmpp3mSde } from './dpmpp-3m-sde.ts';
import { dpmppSde } from './dpmpp-sde.ts';
import { euler } from './euler.ts';
import { eulerAncestral } from './euler-ancestral.ts';
import { heun } from './heun.ts';
import { lcm } from './lcm.ts';
import { lms } from './lms.ts';
import { plms } from './plms.ts';
import { restart } from './restart.ts';
import type { Sampler, SamplerName } from './sampler.ts';
import { unipc } from './unipc.ts';

export { createNoiseSchedule } from './noise-schedule.ts';
export type { NoisePredictor, SampleInput, Sampler, SamplerName, ScheduleName } from './sampler.ts';

/** Every sampler by the name that settings carry. */
export const samplers: Readonly<Record<SamplerName, Sampler>> = {
  ddim,
  plms,
  unipc,
  euler,
  euler_a: eulerAncestral,
  lms,
  heun,
  dpm2,
  dpm2_a: dpm2Ancestral,
  dpmpp_2s_a: dpmpp2sAncestral,
  dpmpp_2m: dpmpp2m,
  dpmpp_sde: dpmppSde,
  dpmpp_2m_sde: dpmpp2mSde,
  dpmpp_2m_sde_heun: dpmpp2mSdeHeun,
  dpmpp_3m_sde: dpmpp3mSde,
  lcm,
  restart,
};
