import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createDynamoKeyStore } from '../../../function/src/api/keys/dynamo-key-store.ts';
import { CREDENTIALS, startDynamo, type TestDynamo } from '../../support/aws/dynamodb.ts';
import { runCli } from '../../support/run-cli.ts';

describe('safelight keys', () => {
  let dynamo: TestDynamo;
  let env: Record<string, string>;
  before(async () => {
    dynamo = await startDynamo();
    env = {
      AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      SAFELIGHT_KEYS_TABLE: 'keys',
    };
  });
  after(() => dynamo[Symbol.asyncDispose]());
  const run = (...args: string[]) => runCli(['keys', ...args], { env });

  it('makes a key that works, lists it without its secret, and revokes it', async () => {
    const keys = createDynamoKeyStore({ client: dynamo.client(), tableName: 'keys' });
    const made = await run('create', 'ann', '--images-per-day', '5', '--usd-per-month', '1.5');
    assert.equal(made.exit, 0, made.stderr);
    const secret = made.stdout.trim();
    const key = await keys.find(secret);
    assert.deepEqual(key?.limits, { imagesPerDay: 5, usdPerMonth: 1.5 });
    const listed = await run('list');
    assert.match(listed.stdout, new RegExp(`${key?.owner}  ann  .*valid  imagesPerDay 5`));
    assert.ok(!listed.stdout.includes(secret));
    assert.equal((await run('revoke', key?.owner ?? '')).exit, 0);
    assert.equal(await keys.find(secret), undefined);
    const unknown = await run('revoke', 'key-0');
    assert.deepEqual([unknown.exit, unknown.stderr.includes('no key key-0')], [1, true]);
  });

  it('says what is wrong with a limit, a table or the credentials', async () => {
    const wrong = await run('create', 'ann', '--requests-per-minute', '0');
    assert.deepEqual([wrong.exit, wrong.stderr.includes('requests-per-minute must be')], [2, true]);
    const elsewhere = await run('--table', 'other', 'list');
    assert.deepEqual([elsewhere.exit, elsewhere.stderr.includes('There is no table other')], [1, true]);
    const { AWS_REGION: _, ...nowhere } = env;
    assert.match((await runCli(['keys', 'list'], { env: nowhere })).stderr, /set AWS_REGION/);
    delete env.SAFELIGHT_KEYS_TABLE;
    assert.match((await run('list')).stderr, /set SAFELIGHT_KEYS_TABLE/);
  });
});
