import type { ScheduleName } from '@safelight/sdk/contract';
import { scheduleLabels } from './pipeline/image/parameters.ts';
import { type Sampler, samplers } from './pipeline/schedulers/index.ts';
import { findSampler, findSchedule, samplerAliases, scheduleAliases } from './pipeline/schedulers/sampler-aliases.ts';

/** A sampler as other tools name it. */
export interface SamplerDescription
  extends Pick<Sampler, 'name' | 'label' | 'usesEta' | 'noiseSettings' | 'schedules' | 'isSecondOrder'> {
  aliases: readonly string[];
}

/** A schedule as other tools name it. */
export interface ScheduleDescription {
  name: ScheduleName;
  label: string;
  aliases: readonly string[];
}

/** Every sampler that there is. */
export const samplerDescriptions: readonly SamplerDescription[] = Object.values(samplers).map((sampler) => ({
  ...sampler,
  aliases: samplerAliases[sampler.name],
}));

/** Every schedule that there is. */
export const scheduleDescriptions: readonly ScheduleDescription[] = (
  Object.entries(scheduleLabels) as [ScheduleName, string][]
).map(([name, label]) => ({ name, label, aliases: scheduleAliases[name] }));

/** A sampler by any of its names, and the schedule that the name carries. @returns `undefined` for an unknown name. */
export const describeSampler = (
  name: string,
): { sampler: SamplerDescription; schedule?: ScheduleName | undefined } | undefined => {
  const found = findSampler(name);
  const sampler = samplerDescriptions.find((described) => described.name === found?.sampler);
  return sampler && { sampler, schedule: found?.schedule };
};

/** A schedule's name by any of its names; `automatic` leaves it to the sampler. @returns `undefined` for an unknown name. */
export const readScheduleName = (name: string): ScheduleName | 'automatic' | undefined => findSchedule(name);
