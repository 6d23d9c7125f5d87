/** The worker as the container starts it: a process with nothing but its environment. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createSafelight } from '@safelight/sdk';
import { CREDENTIALS } from '../support/aws/dynamodb.ts';
import { type Stack, startStack } from '../support/aws/stack.ts';
import { workerEnvironment } from '../support/aws/start-worker-program.ts';
import { temporaryFolder } from '../support/embedded-model.ts';
import { finish } from '../support/run-cli.ts';

const MAIN = join(import.meta.dirname, '../../function/src/worker/main.ts');

const spawnWorker = (environment: Record<string, string>): ChildProcess => {
  const node = ['--conditions=@safelight/source', '--import', import.meta.resolve('tsx'), MAIN];
  const { PATH = '', HOME = '' } = process.env;
  return spawn(process.execPath, node, { env: { PATH, HOME, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
};

const environmentOf = (stack: Stack, modelsDir: string): Record<string, string> => ({
  ...workerEnvironment(stack, modelsDir),
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
  AWS_ENDPOINT_URL_DYNAMODB: stack.dynamo.endpoint,
  AWS_ENDPOINT_URL_SQS: stack.sqs.endpoint,
  AWS_ENDPOINT_URL_S3: stack.s3.endpoint,
});

describe("the worker's program", () => {
  it('draws, and on SIGTERM hands its job back and ends well', async (t) => {
    await using stack = await startStack();
    const worker = spawnWorker(environmentOf(stack, join(await temporaryFolder(t), 'models')));
    t.after(() => worker.kill('SIGKILL'));
    const ended = finish(worker);
    const safelight = createSafelight({ endpoint: stack.url, apiKey: await stack.createKey() });
    const { images } = await safelight.generate({ prompt: 'a red apple', seed: 3 });
    assert.equal(images.length, 1);

    const long = await safelight.submit({ prompt: 'a red apple', steps: 1000 });
    const { store } = stack.services;
    const phaseOf = async () => (await store.get(long.id))?.phase?.name;
    while ((await phaseOf()) !== 'denoising') await new Promise((resolve) => setTimeout(resolve, 20));
    worker.kill('SIGTERM');
    const { exit, stdout, stderr } = await ended;
    assert.equal(exit, 0, stderr);
    const job = await store.get(long.id);
    assert.deepEqual([job?.status, job?.chargedAttempts], ['queued', 0]);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const events = lines.map(({ event }) => event);
    const start = lines.find(({ event }) => event === 'cold_start') ?? assert.fail(events.join());
    // The provider is tried while the model is on its way.
    assert.ok(start['manifests.startMs'] < start['provider.endMs']);
    for (const part of ['text_encoder', 'unet', 'vae_decoder'])
      assert.ok(start[`fetch.${part}.endMs`] <= start[`create.${part}.startMs`], part);
    assert.ok(events.includes('worker_started') && events.at(-1) === 'worker_ended', events.join());
    assert.doesNotMatch(stdout, /red apple/);
  });

  it('says what is missing, and exits with 1', async () => {
    const { exit, stdout } = await finish(spawnWorker({ SAFELIGHT_JOBS_TABLE: 'jobs' }));
    assert.equal(exit, 1);
    assert.match(stdout, /worker_failed.*Set SAFELIGHT_QUEUE_URL/);
  });
});
