import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { Capacity, WorkerFailure } from './decide.ts';

/** A worker that was asked for. */
export interface RecordedStart {
  /** ECS starts one task for it, however often it is asked. */
  readonly token: string;
  readonly capacity: Capacity;
  readonly keepsWarm: boolean;
  /** Epoch milliseconds. */
  readonly at: number;
  /** The task's ARN, once ECS has answered. */
  readonly taskId?: string;
}

/** What the dispatcher must remember: ECS lists a task some seconds after it was asked for, and a refusal never. */
export interface FleetState {
  /** Grows with every write. */
  readonly version: number;
  readonly starts: readonly RecordedStart[];
  /** Starts that ECS refused. */
  readonly refusals: readonly WorkerFailure[];
  /** Epoch milliseconds; no worker starts before. */
  readonly pausedUntil: number;
}

export interface FleetStateStore {
  read(): Promise<FleetState>;
  /** Replaces the version before this one; false, and nothing written, when another dispatcher was faster. */
  replace(state: FleetState): Promise<boolean>;
}

const KEY = { pk: 'fleet' };

/** The state as one item of a DynamoDB table. */
export function createFleetStateStore(client: DynamoDBDocumentClient, table: string): FleetStateStore {
  return {
    async read() {
      const { Item } = await client.send(new GetCommand({ TableName: table, Key: KEY, ConsistentRead: true }));
      const stored: Partial<FleetState> = Item ?? {};
      const { version = 0, starts = [], refusals = [], pausedUntil = 0 } = stored;
      return { version, starts, refusals, pausedUntil };
    },
    async replace(state) {
      const put = new PutCommand({
        TableName: table,
        Item: { ...KEY, ...state },
        ConditionExpression: 'attribute_not_exists(pk) OR #version = :before',
        ExpressionAttributeNames: { '#version': 'version' },
        ExpressionAttributeValues: { ':before': state.version - 1 },
      });
      try {
        await client.send(put);
        return true;
      } catch (error) {
        if (error instanceof Error && error.name === 'ConditionalCheckFailedException') return false;
        throw error;
      }
    },
  };
}
