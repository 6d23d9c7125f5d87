import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SSMClient } from '@aws-sdk/client-ssm';
import { createWebhookSecrets } from '../../../function/src/aws/webhook-secrets.ts';
import { type AwsAnswer, startFakeAws } from '../../support/aws/fake-aws.ts';

const NAME = '/safelight/safelight/webhook-secrets';
const MINUTE = 60_000;

/** SSM with one parameter, and secrets read from it at a time of the test's choosing. */
async function createBench() {
  let time = 0;
  let answer: AwsAnswer = { Parameter: { Value: 'whsec_a' } };
  const aws = await startFakeAws(() => answer);
  return {
    calls: aws.calls,
    secrets: createWebhookSecrets(new SSMClient({ region: 'us-east-1' }), NAME, () => time),
    set: (next: AwsAnswer) => {
      answer = next;
    },
    advance: (milliseconds: number) => {
      time += milliseconds;
    },
    [Symbol.asyncDispose]: () => aws[Symbol.asyncDispose](),
  };
}

describe('the secrets of webhooks in SSM', () => {
  it('are decrypted, once for many messages', async () => {
    await using bench = await createBench();
    for (let i = 0; i < 3; i++) assert.deepEqual(await bench.secrets(), ['whsec_a']);
    assert.deepEqual(bench.calls, [
      { action: 'GetParameter', input: { Name: NAME, WithDecryption: true }, isJson: true },
    ]);
  });

  it('may be two while one is replaced, which is noticed within a quarter of an hour', async () => {
    await using bench = await createBench();
    await bench.secrets();
    bench.set({ Parameter: { Value: 'whsec_b whsec_a\n' } });
    bench.advance(15 * MINUTE - 1);
    assert.deepEqual(await bench.secrets(), ['whsec_a']);
    bench.advance(1);
    assert.deepEqual(await bench.secrets(), ['whsec_b', 'whsec_a']);
  });

  it('are asked for again after a failure, which names no request', async () => {
    await using bench = await createBench();
    bench.set({ error: 'ParameterNotFound', message: NAME });
    await assert.rejects(bench.secrets(), { name: 'ParameterNotFound', message: 'SSM: ParameterNotFound (400)' });
    bench.set({ error: 'ThrottlingException', message: 'slow down' });
    await assert.rejects(bench.secrets(), { code: 'unavailable', isRetryable: true });
    bench.set({ Parameter: { Value: 'whsec_a' } });
    assert.deepEqual(await bench.secrets(), ['whsec_a']);
  });

  it('are never none: nothing leaves unsigned', async () => {
    await using bench = await createBench();
    bench.set({ Parameter: { Value: ' ' } });
    await assert.rejects(bench.secrets(), /webhook-secrets holds no secret/);
  });
});
