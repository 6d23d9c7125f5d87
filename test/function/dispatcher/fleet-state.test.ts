import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import dynalite from 'dynalite';
import { createFleetStateStore, type FleetStateStore } from '../../../function/src/dispatcher/fleet-state.ts';

describe('the dispatcher’s notes in DynamoDB', () => {
  const server = dynalite({ createTableMs: 0 });
  let store: FleetStateStore;

  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = new DynamoDBClient({
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    await client.send(
      new CreateTableCommand({
        TableName: 'fleet',
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
    store = createFleetStateStore(DynamoDBDocumentClient.from(client), 'fleet');
  });
  after(() => server.close());

  it('start empty', async () => {
    assert.deepEqual(await store.read(), { version: 0, starts: [], refusals: [], pausedUntil: 0 });
  });

  it('are read back as written', async () => {
    const state = {
      version: 1,
      starts: [{ token: 'token-1', capacity: 'spot', keepsWarm: true, at: 5, taskId: 'arn-1' }],
      refusals: [{ kind: 'never-ran', capacity: 'on-demand', at: 7 }],
      pausedUntil: 9,
    } as const;
    assert.equal(await store.replace(state), true);
    assert.deepEqual(await store.read(), state);
  });

  it('of two that replace the same version, one gives way and writes nothing', async () => {
    const { version } = await store.read();
    const next = { version: version + 1, starts: [], refusals: [], pausedUntil: 0 };
    const results = await Promise.all([1, 2, 3].map((pausedUntil) => store.replace({ ...next, pausedUntil })));
    assert.equal(results.filter(Boolean).length, 1);
    assert.equal((await store.read()).pausedUntil, results.indexOf(true) + 1);
  });
});
