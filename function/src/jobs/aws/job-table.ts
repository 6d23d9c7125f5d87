import {
  BatchGetCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { isConditionFailed, toServiceError } from '../../aws/service-error.ts';
import type { JobRecord } from '../job-record.ts';
import { fromItem, idempotencyPk, type JobItem, jobPk, QUEUE_ATTRIBUTES, toChangingItem, toItem } from './job-item.ts';

export interface JobTableOptions {
  client: DynamoDBDocumentClient;
  tableName: string;
}

/** Which job an idempotency key stands for. */
export interface Claim {
  jobId: string;
  inputHash: string;
  /** Epoch seconds. */
  expiresAt: number;
}

/** DynamoDB's limit for one request. */
const BATCH_SIZE = 100;

const updateOf = (job: JobRecord, revision: number) => {
  const item = toChangingItem(job);
  const entries = Object.entries(item);
  const sets = entries.map((_, i) => `#${i} = :${i}`);
  const removes = QUEUE_ATTRIBUTES.filter((name) => !(name in item));
  const remove = removes.length === 0 ? '' : ` REMOVE ${removes.join(', ')}`;
  return {
    Key: { pk: jobPk(job.id) },
    UpdateExpression: `SET ${sets.join(', ')}${remove}`,
    ConditionExpression: 'revision = :revision',
    ExpressionAttributeNames: Object.fromEntries(entries.map(([name], i) => [`#${i}`, name])),
    ExpressionAttributeValues: {
      ...Object.fromEntries(entries.map(([, value], i) => [`:${i}`, value])),
      ':revision': revision,
    },
  };
};

/** Jobs and claims by their keys. All throw FunctionError `unavailable` (retryable) while DynamoDB is busy or away. */
export const createJobTable = ({ client, tableName }: JobTableOptions) => {
  const TableName = tableName;

  /** Whether the condition held. */
  const tryWrite = async (request: Promise<unknown>): Promise<boolean> => {
    try {
      await request;
      return true;
    } catch (error) {
      if (isConditionFailed(error)) return false;
      throw toServiceError(error, 'DynamoDB');
    }
  };
  const put = (item: object) => {
    const request = { TableName, Item: { ...item }, ConditionExpression: 'attribute_not_exists(pk)' };
    return tryWrite(client.send(new PutCommand(request)));
  };

  const read = async (pk: string) => {
    try {
      return (await client.send(new GetCommand({ TableName, Key: { pk }, ConsistentRead: true }))).Item;
    } catch (error) {
      throw toServiceError(error, 'DynamoDB');
    }
  };
  const get = async (id: string): Promise<JobRecord | undefined> => {
    const item = await read(jobPk(id));
    return item === undefined ? undefined : fromItem(item as JobItem);
  };
  const getClaim = async (owner: string, idempotencyKey: string) =>
    (await read(idempotencyPk(owner, idempotencyKey))) as Claim | undefined;

  return {
    get,
    getClaim,

    /** @returns the claim that holds: this one, or the one that was there first. */
    async claim(owner: string, idempotencyKey: string, claim: Claim): Promise<Claim> {
      if (await put({ pk: idempotencyPk(owner, idempotencyKey), ...claim })) return claim;
      return (await getClaim(owner, idempotencyKey)) ?? claim;
    },

    /** @returns the job that is stored under this id: this one, or the one that was there first. */
    async insert(job: JobRecord, expiresAt: number): Promise<JobRecord> {
      if (await put(toItem(job, expiresAt))) return job;
      return (await get(job.id)) ?? job;
    },

    /** Writes what changed, if the job still has this revision. */
    replace: (job: JobRecord, revision: number): Promise<boolean> =>
      tryWrite(client.send(new UpdateCommand({ TableName, ...updateOf(job, revision) }))),

    /** In the order of the ids; those that are gone are left out. */
    async getMany(ids: readonly string[]): Promise<JobRecord[]> {
      const jobs = new Map<string, JobRecord>();
      let keys = ids.map((id) => ({ pk: jobPk(id) }));
      while (keys.length > 0) {
        const Keys = keys.slice(0, BATCH_SIZE);
        const request = { RequestItems: { [tableName]: { Keys, ConsistentRead: true } } };
        const answer = await client.send(new BatchGetCommand(request)).catch((error: unknown) => {
          throw toServiceError(error, 'DynamoDB');
        });
        for (const item of answer.Responses?.[tableName] ?? []) jobs.set(item.id, fromItem(item as JobItem));
        const unprocessed = (answer.UnprocessedKeys?.[tableName]?.Keys ?? []) as { pk: string }[];
        keys = [...unprocessed, ...keys.slice(BATCH_SIZE)];
      }
      return ids.map((id) => jobs.get(id)).filter((job) => job !== undefined);
    },
  };
};
