import { modelNameSchema } from '@safelight/sdk/contract';
import * as z from 'zod';

const days = z.int().min(1).max(3650);
const seconds = z.int().min(0);

/** Machines with one NVIDIA GPU of 16 GB or more, of which the price list knows the price. */
const SUPPORTED_INSTANCE_TYPES = ['g4dn.xlarge', 'g6.xlarge', 'g5.xlarge'] as const;

const configSchema = z.strictObject({
  /** Name of the CloudFormation stack. */
  name: z
    .string()
    .regex(/^[a-zA-Z][a-zA-Z0-9-]{0,40}$/)
    .default('safelight'),
  region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'region must be one of AWS, such as us-east-1'),
  /** Models the endpoint offers, as `weights push` wrote them to its bucket; the first is the default. */
  models: z.array(modelNameSchema).min(1),
  workers: z.strictObject({
    /** Any of these that the region has to give; prices in receipts assume the first. */
    instanceTypes: z.array(z.enum(SUPPORTED_INSTANCE_TYPES)).min(1),
    /** Spot is 30 to 70% cheaper and may be taken back with two minutes' notice; the job then goes to another worker. */
    capacity: z.enum(['spot-then-on-demand', 'spot-only', 'on-demand-only']).default('spot-then-on-demand'),
    /** GPUs that may run at the same time: the ceiling of what an hour can cost. */
    max: z.int().min(0).max(100),
    /** A further worker starts for each this many waiting jobs. */
    messagesPerWorker: z.int().min(1),
    /** Jobs of 512×512 that a worker draws together if they wait; 1 draws one after the other. */
    batch: z.int().min(1).max(64).default(4),
    /** How long a worker waits for another job before its machine is given back. */
    idleSeconds: seconds,
    /** How long one worker stays after the last job, so that the next needs no cold start; 0 for none. */
    keepWarmMinutes: z.int().min(0).default(0),
    /** How long spot may take to give a machine, booted (two minutes), before on-demand is asked. */
    spotPatienceSeconds: seconds.default(180),
    /** How long on-demand is asked before spot is tried again. At most an hour: that is what ECS remembers. */
    spotRetryMinutes: z.int().min(1).max(60).default(15),
  }),
  retention: z
    .strictObject({
      images: days.default(30),
      uploads: days.default(1),
      /** Job records, with their prompts and receipts. */
      jobs: days.default(90),
      logs: days.default(30),
    })
    .prefault({}),
  quotas: z
    .strictObject({
      /** Jobs that may wait at a time. */
      maxQueued: z.int().min(1).default(1000),
      /** Calls of all keys together. Those of one key are limited in its own record. */
      requestsPerSecond: z.int().min(1).default(50),
      burst: z.int().min(1).default(100),
    })
    .prefault({}),
  /** The least that becomes of pictures that a model's safety checker flags; `blur` and `block` need models that have one. */
  safety: z.enum(['flag', 'blur', 'block']).default('flag'),
  /**
   * Show the playground, a page in the browser, at the endpoint's own address; it asks for a key. Left out: what is there
   * stays, and a new endpoint has none.
   */
  playground: z.boolean().optional(),
  /** Web pages of other addresses that may call the endpoint, such as `https://app.example.com`. */
  corsOrigins: z.array(z.url()).default([]),
  /** Your own domain; its certificate must lie in us-east-1, as CloudFront asks. The CNAME record is yours to set. */
  domain: z
    .strictObject({ name: z.hostname(), certificateArn: z.string().startsWith('arn:aws:acm:us-east-1:') })
    .optional(),
  /** Where alarms and warnings about spending go. */
  alarmEmail: z.email().optional(),
  /** Warns at half of it, at four fifths, and when the month is forecast to exceed it. Counts the whole account. */
  monthlyBudgetUsd: z.number().positive(),
});

/** The deployment's settings, defaults filled in. */
export type Config = z.output<typeof configSchema>;

/** @throws ZodError that names what is wrong. */
export function defineConfig(config: z.input<typeof configSchema>): Config {
  return configSchema.parse(config);
}
