import type { SamplerName, ScheduleName } from './sampler.ts';

/**
 * What other tools call our samplers, with case, spaces and "++" normalised: AUTOMATIC1111 (labels, and the `k_…` names
 * of its API), ComfyUI, and the scheduler classes of diffusers.
 */
export const samplerAliases: Readonly<Record<SamplerName, readonly string[]>> = {
  ddim: [],
  plms: ['pndm'],
  unipc: ['uni_pc', 'unipcmultistep'],
  euler: ['k_euler', 'eulerdiscrete'],
  euler_a: ['euler_ancestral', 'k_euler_a', 'k_euler_ancestral', 'eulerancestraldiscrete'],
  lms: ['k_lms', 'lmsdiscrete'],
  heun: ['k_heun', 'heundiscrete'],
  dpm2: ['dpm_2', 'k_dpm_2', 'kdpm2discrete'],
  dpm2_a: ['dpm_2_a', 'dpm_2_ancestral', 'k_dpm_2_a', 'kdpm2ancestraldiscrete'],
  dpmpp_2s_a: ['dpmpp_2s_ancestral', 'k_dpmpp_2s_a'],
  dpmpp_2m: ['k_dpmpp_2m', 'dpmsolvermultistep'],
  dpmpp_sde: ['k_dpmpp_sde', 'dpmsolversde'],
  dpmpp_2m_sde: ['k_dpmpp_2m_sde'],
  dpmpp_2m_sde_heun: ['k_dpmpp_2m_sde_heun'],
  dpmpp_3m_sde: ['k_dpmpp_3m_sde'],
  lcm: ['k_lcm'],
  restart: [],
};

/** The same of our schedules. */
export const scheduleAliases: Readonly<Record<ScheduleName, readonly string[]>> = {
  normal: ['uniform'],
  karras: ['ka'],
  exponential: ['exp'],
  sgm_uniform: ['sgmuniform'],
  simple: [],
  ddim_uniform: ['ddim'],
  beta: [],
  align_your_steps: ['ays'],
};

const samplersByName = byName(samplerAliases);
const schedulesByName = byName(scheduleAliases);
/** Old names of A1111 carry the schedule: "DPM++ 2M Karras". */
const SCHEDULE_SUFFIX = /^(.+)_(karras|ka|exponential|exp)$/;

/** A sampler, and the schedule if its name carries one; undefined if the name is unknown. */
export function findSampler(name: string): { sampler: SamplerName; schedule?: ScheduleName } | undefined {
  const key = normalize(name).replace(/_?scheduler$/, '');
  const whole = samplersByName.get(key);
  if (whole !== undefined) return { sampler: whole };
  const [, base = '', suffix = ''] = SCHEDULE_SUFFIX.exec(key) ?? [];
  const sampler = samplersByName.get(base);
  const schedule = schedulesByName.get(suffix);
  return sampler === undefined || schedule === undefined ? undefined : { sampler, schedule };
}

/** A schedule; 'automatic' is A1111's for the sampler's own. Undefined if the name is unknown. */
export function findSchedule(name: string): ScheduleName | 'automatic' | undefined {
  const key = normalize(name);
  return key === 'automatic' ? key : schedulesByName.get(key);
}

function normalize(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replaceAll('++', 'pp')
    .replace(/[\s_-]+/g, '_');
}

function byName<Name extends string>(aliases: Readonly<Record<Name, readonly string[]>>): ReadonlyMap<string, Name> {
  const entries = Object.entries(aliases) as [Name, readonly string[]][];
  return new Map(entries.flatMap(([name, others]) => [name, ...others].map((key) => [key, name] as const)));
}
