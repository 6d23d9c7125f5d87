import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { readWorkerConfig } from '../../../function/src/worker/config.ts';
import { runWorker } from '../../../function/src/worker/run-worker.ts';
import { finished, submit } from '../../support/aws/fault-bench.ts';
import { startStack } from '../../support/aws/stack.ts';
import { workerEnvironment } from '../../support/aws/start-worker-program.ts';
import { createFakeEngine } from '../jobs/fake-engine.ts';

describe("a worker's webhooks", () => {
  it('are sent when the job ends, but to no private address', async () => {
    const engine = createFakeEngine();
    await using stack = await startStack({ engine });
    const { id } = await submit(stack, { webhookUrl: 'https://127.0.0.1:1/hook' });
    const silent = await submit(stack);
    const stop = new AbortController();
    const ended = runWorker({
      config: readWorkerConfig(workerEnvironment(stack, '/nonexistent')),
      webhookSecrets: async () => [`whsec_${Buffer.alloc(32, 7).toString('base64')}`],
      clients: stack.clients,
      ...{ logger: stack.logger, signal: stop.signal, engine, pace: { waitSeconds: 1 } },
      fetch: () => Promise.reject(new Error('There is no EC2 here')),
    });
    await finished(stack, id);
    await finished(stack, silent.id);
    const webhookLines = () => stack.log.filter((line) => line.includes('webhook_'));
    while (webhookLines().length === 0) await delay(10);
    stop.abort();
    await ended;
    assert.deepEqual(
      webhookLines().map((line) => JSON.parse(line)),
      [{ level: 'warn', event: 'webhook_failed', jobId: id, attempt: 1, reason: 'PrivateAddressError' }],
    );
  });
});
