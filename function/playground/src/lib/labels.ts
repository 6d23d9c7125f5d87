import type { SamplerName, ScheduleName } from '@safelight/sdk';

/** AUTOMATIC1111's names, by which most people know them. */
export const samplerLabels: Readonly<Record<SamplerName, string>> = {
  ddim: 'DDIM',
  plms: 'PLMS',
  unipc: 'UniPC',
  euler: 'Euler',
  euler_a: 'Euler a',
  lms: 'LMS',
  heun: 'Heun',
  dpm2: 'DPM2',
  dpm2_a: 'DPM2 a',
  dpmpp_2s_a: 'DPM++ 2S a',
  dpmpp_2m: 'DPM++ 2M',
  dpmpp_sde: 'DPM++ SDE',
  dpmpp_2m_sde: 'DPM++ 2M SDE',
  dpmpp_2m_sde_heun: 'DPM++ 2M SDE Heun',
  dpmpp_3m_sde: 'DPM++ 3M SDE',
  lcm: 'LCM',
  restart: 'Restart',
};

export const scheduleLabels: Readonly<Record<ScheduleName, string>> = {
  normal: 'Normal',
  karras: 'Karras',
  exponential: 'Exponential',
  sgm_uniform: 'SGM Uniform',
  simple: 'Simple',
  ddim_uniform: 'DDIM',
  beta: 'Beta',
  align_your_steps: 'Align Your Steps',
};

/** A name that only a newer server knows stands for itself. */
export const labelOf = (labels: Readonly<Record<string, string>>, name: string): string => labels[name] ?? name;
