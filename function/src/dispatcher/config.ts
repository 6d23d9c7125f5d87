import * as z from 'zod/mini';
import { ENVIRONMENT } from '../aws/environment.ts';
import type { DispatchPolicy } from './decide.ts';

/** Everything the dispatcher reads from the environment. */
export interface DispatcherConfig {
  readonly queueUrl: string;
  readonly fleetTable: string;
  readonly cluster: string;
  readonly taskDefinition: string;
  readonly taskFamily: string;
  readonly spotProvider: string;
  readonly onDemandProvider: string;
  readonly policy: DispatchPolicy;
}

const seconds = z.number().check(z.nonnegative());
const policySchema = z.object({
  maxWorkers: z.int().check(z.nonnegative()),
  messagesPerWorker: z.int().check(z.positive()),
  capacities: z.enum(['spot-then-on-demand', 'spot-only', 'on-demand-only']),
  spotPatienceSeconds: seconds,
  spotRetrySeconds: seconds,
  startTimeoutSeconds: seconds,
  idleSeconds: seconds,
  keepWarmSeconds: seconds,
});

/** @throws Error that names a variable which is missing, or what is wrong with the policy. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): DispatcherConfig {
  const read = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') throw new Error(`The environment variable ${name} is not set`);
    return value;
  };
  return {
    queueUrl: read(ENVIRONMENT.queueUrl),
    fleetTable: read(ENVIRONMENT.fleetTable),
    cluster: read(ENVIRONMENT.cluster),
    taskDefinition: read(ENVIRONMENT.taskDefinition),
    taskFamily: read(ENVIRONMENT.taskFamily),
    spotProvider: read(ENVIRONMENT.spotProvider),
    onDemandProvider: read(ENVIRONMENT.onDemandProvider),
    policy: policySchema.parse(JSON.parse(read(ENVIRONMENT.dispatchPolicy))),
  };
}
