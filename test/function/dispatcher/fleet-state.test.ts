import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createFleetStateStore, type FleetStateStore } from '../../../function/src/dispatcher/fleet-state.ts';
import { startDynamo, type TestDynamo } from '../../support/aws/dynamodb.ts';

describe('the dispatcher’s notes in DynamoDB', () => {
  let dynamo: TestDynamo;
  let store: FleetStateStore;

  before(async () => {
    dynamo = await startDynamo();
    store = createFleetStateStore(dynamo.client(), 'fleet');
  });
  after(() => dynamo[Symbol.asyncDispose]());

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
