import { QueryCommand, type QueryCommandInput } from '@aws-sdk/lib-dynamodb';
import { JOB_INDEX } from '../../aws/environment.ts';
import { toServiceError } from '../../aws/service-error.ts';
import type { RunSample } from '../job-store.ts';
import { readRuns } from '../read-runs.ts';
import { idOfPk, type JobBill, orderOf, type QueueState } from './job-item.ts';
import type { JobTableOptions } from './job-table.ts';

type JobQuery = Omit<QueryCommandInput, 'TableName'>;

/** The jobs table's indexes: they lag behind its items by some milliseconds. Errors as `createJobTable`'s. */
export const createJobIndexes = ({ client, tableName }: JobTableOptions) => {
  /** Page by page, until the limit is reached. DynamoDB ends a page at 1 MB. */
  async function* pages(query: JobQuery, limit: number) {
    let ExclusiveStartKey: QueryCommandInput['ExclusiveStartKey'];
    let left = limit;
    do {
      const request = { ...query, TableName: tableName, ExclusiveStartKey };
      if (Number.isFinite(left)) request.Limit = left;
      const page = await client.send(new QueryCommand(request)).catch((error: unknown) => {
        throw toServiceError(error, 'DynamoDB');
      });
      yield page;
      left -= page.Count ?? 0;
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey !== undefined && left > 0);
  }

  const count = async (query: JobQuery, limit: number): Promise<number> => {
    let total = 0;
    for await (const { Count } of pages({ ...query, Select: 'COUNT' }, limit)) total += Count ?? 0;
    return total;
  };
  const list = async (query: JobQuery, limit: number): Promise<Record<string, unknown>[]> => {
    const items: Record<string, unknown>[] = [];
    for await (const page of pages(query, limit)) items.push(...(page.Items ?? []));
    return items;
  };
  const ofState = (state: 'queued' | 'running'): JobQuery => ({
    IndexName: JOB_INDEX.byState,
    KeyConditionExpression: 'queueState = :state',
    ExpressionAttributeValues: { ':state': state },
  });

  return {
    countState: (state: 'queued' | 'running', limit = Number.POSITIVE_INFINITY): Promise<number> =>
      count(ofState(state), limit),

    /** Queued jobs that come before a place in the queue, up to a limit. */
    countQueuedBefore: (queueOrder: string, limit: number): Promise<number> =>
      count(
        {
          IndexName: JOB_INDEX.byState,
          KeyConditionExpression: 'queueState = :state AND queueOrder < :before',
          ExpressionAttributeValues: { ':state': 'queued', ':before': queueOrder },
        },
        limit,
      ),

    /** Jobs in a state, those that are due first; of queued and announced ones only those due by a time. */
    async listState(state: QueueState, limit: number, dueBy?: number): Promise<{ id: string; queueOrder: string }[]> {
      const due = dueBy === undefined ? '' : ' AND queueOrder < :due';
      const query = {
        IndexName: JOB_INDEX.byState,
        KeyConditionExpression: `queueState = :state${due}`,
        ExpressionAttributeValues: {
          ':state': state,
          ...(dueBy === undefined ? {} : { ':due': orderOf(dueBy + 1, '') }),
        },
      };
      const items = await list(query, limit);
      // The table's own key is in every index; the job's id is not.
      return items.map(({ pk, queueOrder }) => ({ id: idOfPk(String(pk)), queueOrder: String(queueOrder) }));
    },

    /** An owner's jobs, newest first. */
    async listIds(owner: string, limit: number, before: string | undefined): Promise<string[]> {
      const query = {
        IndexName: JOB_INDEX.byOwner,
        KeyConditionExpression: '#owner = :owner AND id < :before',
        ExpressionAttributeNames: { '#owner': 'owner' },
        // '~' sorts after every id.
        ExpressionAttributeValues: { ':owner': owner, ':before': before ?? '~' },
        ScanIndexForward: false,
      };
      return (await list(query, limit)).map(({ id }) => String(id));
    },

    /** What succeeded jobs used, day by day; both days are included. */
    async listBills(owner: string, from: string, to: string): Promise<{ day: string; bill: JobBill }[]> {
      const query = {
        IndexName: JOB_INDEX.byBill,
        KeyConditionExpression: 'billedOwner = :owner AND billedOn BETWEEN :from AND :to',
        // '~' sorts after every time of that day.
        ExpressionAttributeValues: { ':owner': owner, ':from': from, ':to': `${to}~` },
      };
      const items = await list(query, Number.POSITIVE_INFINITY);
      return items.map(({ billedOn, bill }) => ({
        day: String(billedOn).slice(0, 10),
        bill: JSON.parse(String(bill)) as JobBill,
      }));
    },

    /** The latest succeeded jobs with a model. */
    async listRuns(model: string, limit: number): Promise<RunSample[]> {
      const query = {
        IndexName: JOB_INDEX.byModel,
        KeyConditionExpression: 'ranModel = :model',
        ExpressionAttributeValues: { ':model': model },
        ScanIndexForward: false,
      };
      return readRuns((await list(query, limit)).map(({ run }) => String(run)));
    },
  };
};
