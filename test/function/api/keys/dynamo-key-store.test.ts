import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { createDynamoKeyStore } from '../../../../function/src/api/keys/dynamo-key-store.ts';
import { startDynamo } from '../../../support/aws/dynamodb.ts';

describe('API keys', () => {
  it('have 256 random bits, and nothing that is stored gives them away', async () => {
    await using dynamo = await startDynamo();
    const client = dynamo.client();
    const keys = createDynamoKeyStore({ client, tableName: 'keys' });
    const { secret, key } = await keys.create('ann', { imagesPerDay: 5 });
    const other = await keys.create('bob', {});
    assert.match(secret, /^sl_[A-Za-z0-9_-]{43}$/);
    assert.notEqual(secret, other.secret);
    assert.deepEqual(await keys.find(secret), key);
    assert.deepEqual([key.name, key.limits], ['ann', { imagesPerDay: 5 }]);
    assert.equal(await keys.find(`${secret}x`), undefined);
    const { Items = [] } = await client.send(new ScanCommand({ TableName: 'keys' }));
    const stored = JSON.stringify(Items);
    assert.ok(!stored.includes(secret) && !stored.includes(secret.slice(3)));
    assert.match(String(Items[0]?.pk), /^[0-9a-f]{64}$/);
  });

  it('are listed, and of no use once revoked', async () => {
    await using dynamo = await startDynamo();
    let time = 1_700_000_000_000;
    const keys = createDynamoKeyStore({ client: dynamo.client(), tableName: 'keys', now: () => time });
    const first = await keys.create('ann', {});
    time += 1000;
    const second = await keys.create('bob', {});
    assert.equal(await keys.revoke(first.key.owner), true);
    assert.equal(await keys.find(first.secret), undefined);
    assert.deepEqual(await keys.find(second.secret), second.key);
    time += 1000;
    assert.equal(await keys.revoke(first.key.owner), true, 'twice is once');
    const revokedAt = new Date(1_700_000_001_000).toISOString();
    assert.deepEqual(await keys.list(), [{ ...first.key, revokedAt }, second.key]);
    assert.equal(await keys.revoke('key-0000000000000000'), false);
  });
});
