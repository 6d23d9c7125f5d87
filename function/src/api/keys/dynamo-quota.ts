import { type DynamoDBDocumentClient, GetCommand, UpdateCommand, type UpdateCommandInput } from '@aws-sdk/lib-dynamodb';
import { isConditionFailed, toServiceError } from '../../aws/service-error.ts';
import { FunctionError } from '../../errors.ts';
import { isFinished } from '../../jobs/job-record.ts';
import type { JobStore } from '../../jobs/job-store.ts';
import type { Admission, Quota, WantedJob } from '../quota.ts';
import type { KeyLimits } from './api-key.ts';

export interface DynamoQuotaOptions {
  client: DynamoDBDocumentClient;
  tableName: string;
  store: Pick<JobStore, 'find' | 'usage'>;
  now: () => number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A caller who was admitted and never made the job is forgotten after this time. */
const ADMISSION_MS = 60_000;
/** Counters outlive their window by so many seconds. */
const COUNTER_GRACE_SECONDS = 3600;
const BUSY_RETRY_SECONDS = 5;

type Update = Omit<UpdateCommandInput, 'TableName' | 'Key'>;

const tooManyRequests = (retryAfterSeconds: number) =>
  new FunctionError('rate_limited', 'This key made too many requests in a minute: slow down', {
    isRetryable: true,
    retryAfterSeconds,
  });
const tooManyJobs = (limit: number) =>
  new FunctionError('rate_limited', `This key may have ${limit} jobs at a time: wait for one to finish`, {
    isRetryable: true,
    retryAfterSeconds: BUSY_RETRY_SECONDS,
  });
const usedUp = (what: string) => new FunctionError('quota_exceeded', `This key has used up ${what}`);

/** Makes the quotas of keys. Counters grow only while they are below their limit, so races cannot pass it. */
export const createDynamoQuotas = (options: DynamoQuotaOptions) => {
  const { client, tableName: TableName, store, now } = options;

  /** Whether the condition held. */
  const tryUpdate = async (owner: string, sk: string, update: Update): Promise<boolean> => {
    try {
      await client.send(new UpdateCommand({ TableName, Key: { pk: owner, sk }, ...update }));
      return true;
    } catch (error) {
      if (isConditionFailed(error)) return false;
      throw toServiceError(error, 'DynamoDB');
    }
  };

  const addUpTo = (owner: string, sk: string, amount: number, max: number, endsAt: number): Promise<boolean> =>
    tryUpdate(owner, sk, {
      UpdateExpression: 'SET expiresAt = :expiresAt ADD #used :amount',
      ConditionExpression: '(attribute_not_exists(#used) AND :amount <= :max) OR #used <= :rest',
      ExpressionAttributeNames: { '#used': 'used' },
      ExpressionAttributeValues: {
        ':amount': amount,
        ':max': max,
        ':rest': max - amount,
        ':expiresAt': Math.ceil(endsAt / 1000) + COUNTER_GRACE_SECONDS,
      },
    });
  const subtract = (owner: string, sk: string, amount: number) =>
    tryUpdate(owner, sk, { UpdateExpression: 'ADD used :amount', ExpressionAttributeValues: { ':amount': -amount } });

  // Slots: a set of `<admitted at>#<idempotency key>`. Nobody hands one back: it is freed when the next caller needs it.
  const takeSlot = (owner: string, slot: string, max: number) =>
    tryUpdate(owner, 'slots', {
      UpdateExpression: 'ADD #slots :slot',
      ConditionExpression: 'attribute_not_exists(#slots) OR size(#slots) < :max',
      ExpressionAttributeNames: { '#slots': 'slots' },
      ExpressionAttributeValues: { ':slot': new Set([slot]), ':max': max },
    });
  const freeSlots = async (owner: string, slots: readonly string[]): Promise<void> => {
    if (slots.length === 0) return;
    const ExpressionAttributeNames = { '#slots': 'slots' };
    const ExpressionAttributeValues = { ':slots': new Set(slots) };
    const UpdateExpression = 'DELETE #slots :slots';
    await tryUpdate(owner, 'slots', { UpdateExpression, ExpressionAttributeNames, ExpressionAttributeValues });
  };
  const isOver = async (owner: string, slot: string): Promise<boolean> => {
    const [admittedAt = '', ...key] = slot.split('#');
    const job = await store.find(owner, key.join('#'));
    return job === undefined ? now() - Number(admittedAt) > ADMISSION_MS : isFinished(job);
  };
  const findOverSlots = async (owner: string): Promise<string[]> => {
    const request = { TableName, Key: { pk: owner, sk: 'slots' }, ConsistentRead: true };
    const { Item } = await client.send(new GetCommand(request)).catch((error: unknown) => {
      throw toServiceError(error, 'DynamoDB');
    });
    const slots = [...((Item?.slots as Set<string> | undefined) ?? [])];
    const over = await Promise.all(slots.map((slot) => isOver(owner, slot)));
    return slots.filter((_, i) => over[i]);
  };
  const requireSlot = async (owner: string, slot: string, max: number): Promise<void> => {
    if (await takeSlot(owner, slot, max)) return;
    await freeSlots(owner, await findOverSlots(owner));
    if (!(await takeSlot(owner, slot, max))) throw tooManyJobs(max);
  };

  const checkMoney = async (owner: string, max: number): Promise<void> => {
    const to = new Date(now()).toISOString().slice(0, 10);
    const entries = await store.usage({ owner, from: `${to.slice(0, 8)}01`, to });
    const spent = entries.reduce((total, { price }) => total + (price?.amount ?? 0), 0);
    if (spent >= max) throw usedUp(`its ${max} USD of this month: it can be used again next month`);
  };

  const admit = async (owner: string, limits: KeyLimits, { idempotencyKey, images }: WantedJob): Promise<Admission> => {
    const { concurrentJobs, imagesPerDay, usdPerMonth } = limits;
    const time = now();
    const slot = `${time}#${idempotencyKey}`;
    const day = Math.floor(time / DAY_MS);
    const daySk = `day#${new Date(time).toISOString().slice(0, 10)}`;
    if (usdPerMonth !== undefined) await checkMoney(owner, usdPerMonth);
    if (concurrentJobs !== undefined) await requireSlot(owner, slot, concurrentJobs);
    const freeSlot = () => freeSlots(owner, concurrentJobs === undefined ? [] : [slot]);
    if (imagesPerDay !== undefined && !(await addUpTo(owner, daySk, images, imagesPerDay, (day + 1) * DAY_MS))) {
      await freeSlot();
      throw usedUp(`its ${imagesPerDay} pictures of this day: it can be used again tomorrow (UTC)`);
    }
    return {
      async withdraw() {
        await freeSlot();
        if (imagesPerDay !== undefined) await subtract(owner, daySk, images);
      },
    };
  };

  return (owner: string, limits: KeyLimits): Quota => ({
    async countRequest() {
      const { requestsPerMinute } = limits;
      if (requestsPerMinute === undefined) return;
      const time = now();
      const endsAt = (Math.floor(time / MINUTE_MS) + 1) * MINUTE_MS;
      if (!(await addUpTo(owner, `minute#${endsAt / MINUTE_MS}`, 1, requestsPerMinute, endsAt)))
        throw tooManyRequests(Math.ceil((endsAt - time) / 1000));
    },
    admit: (job) => admit(owner, limits, job),
  });
};
