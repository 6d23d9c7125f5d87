/** DynamoDB in this process, with the tables of the deployment. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  type AttributeDefinition,
  CreateTableCommand,
  type CreateTableCommandInput,
  DynamoDBClient,
  type DynamoDBClientConfig,
} from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import dynalite from 'dynalite';
import { TABLES } from '../../../function/src/aws/environment.ts';

export const CREDENTIALS = {
  accessKeyId: 'AKIATESTTESTTESTTEST',
  secretAccessKey: 'a-secret-that-no-message-may-show',
};

export interface TestDynamo extends AsyncDisposable {
  endpoint: string;
  /** A client of its own, as another process would have. */
  client(config?: DynamoDBClientConfig): DynamoDBDocumentClient;
}

type Key = { name: string; type: 'S' | 'N' };
type TableName = keyof typeof TABLES;

const keySchema = (partitionKey: Key, sortKey?: Key): NonNullable<CreateTableCommandInput['KeySchema']> => [
  { AttributeName: partitionKey.name, KeyType: 'HASH' },
  ...(sortKey === undefined ? [] : [{ AttributeName: sortKey.name, KeyType: 'RANGE' as const }]),
];

/** The table as the deployment creates it. */
function createTableInput(name: TableName): CreateTableCommandInput {
  const table = TABLES[name];
  const sortKey = 'sortKey' in table ? table.sortKey : undefined;
  const indexes = Object.entries(table.indexes as (typeof TABLES)['jobs']['indexes']);
  const keys: Key[] = [table.partitionKey, ...(sortKey === undefined ? [] : [sortKey])];
  for (const [, index] of indexes) keys.push(index.partitionKey, index.sortKey);
  const definitions: AttributeDefinition[] = keys.map((key) => ({ AttributeName: key.name, AttributeType: key.type }));
  const input: CreateTableCommandInput = {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: definitions,
    KeySchema: keySchema(table.partitionKey, sortKey),
  };
  if (indexes.length === 0) return input;
  const GlobalSecondaryIndexes = indexes.map(([IndexName, { partitionKey, sortKey, include }]) => ({
    IndexName,
    KeySchema: keySchema(partitionKey, sortKey),
    Projection:
      include.length === 0
        ? { ProjectionType: 'KEYS_ONLY' as const }
        : { ProjectionType: 'INCLUDE' as const, NonKeyAttributes: [...include] },
  }));
  return { ...input, GlobalSecondaryIndexes };
}

/** Starts it; the tables are called `jobs`, `keys` and `limits`. */
export async function startDynamo(): Promise<TestDynamo> {
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clients: DynamoDBClient[] = [];
  const open = (config: DynamoDBClientConfig = {}) => {
    const client = new DynamoDBClient({ endpoint, region: 'us-east-1', credentials: CREDENTIALS, ...config });
    clients.push(client);
    return client;
  };
  const admin = open();
  for (const name of Object.keys(TABLES) as TableName[])
    await admin.send(new CreateTableCommand(createTableInput(name)));
  return {
    endpoint,
    client: (config) => DynamoDBDocumentClient.from(open(config)),
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
