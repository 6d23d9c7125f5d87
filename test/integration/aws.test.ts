/** The whole system on AWS in one process: the SDK, the API, the queue, the worker's program and a real model. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createSafelight, type Safelight } from '@safelight/sdk';
import { generateInputSchema } from '@safelight/sdk/contract';
import { createEngine } from '../../function/src/create-engine.ts';
import { type Stack, startStack } from '../support/aws/stack.ts';
import { startWorkerProgram, type WorkerProgram } from '../support/aws/start-worker-program.ts';
import { sharedCacheDir, temporaryFolder } from '../support/embedded-model.ts';

const INPUT = { prompt: 'a penguin on a yellow background', seed: 20 };

const drawHere = async (input: typeof INPUT & { count?: number }): Promise<Buffer[]> => {
  const engine = await createEngine({ cacheDir: sharedCacheDir });
  try {
    const settings = engine.resolve(generateInputSchema.parse(input));
    const { images } = await engine.generate(settings);
    return images.map(({ data }) => Buffer.from(data));
  } finally {
    await engine.close();
  }
};

describe('Safelight on AWS', () => {
  let stack: Stack;
  let worker: WorkerProgram;
  let safelight: Safelight;
  /** How far the clock that URLs expire by is ahead; workers go by the machine's. */
  let ahead = 0;
  const cleanUps: (() => Promise<void>)[] = [];

  before(async () => {
    stack = await startStack({ now: () => Date.now() + ahead });
    const folder = await temporaryFolder({ after: (cleanUp) => cleanUps.push(cleanUp) });
    worker = startWorkerProgram(stack, { modelsDir: join(folder, 'models') });
    safelight = createSafelight({ endpoint: stack.url, apiKey: await stack.createKey() });
  });
  after(async () => {
    worker.stop();
    assert.equal(await worker.ended, 'stopped');
    await stack[Symbol.asyncDispose]();
    for (const cleanUp of cleanUps) await cleanUp();
  });

  it('draws what this machine draws, to the byte, and tells where the time went', async () => {
    const input = { ...INPUT, count: 2 };
    const job = await safelight.generate(input);
    const drawn = await Promise.all(job.images.map((image) => safelight.images.arrayBuffer(image)));
    const here = await drawHere(input);
    assert.equal(drawn.length, 2);
    for (const [i, data] of drawn.entries()) assert.ok(here[i]?.equals(Buffer.from(data)), `picture ${i}`);
    const { bootMs = 0, downloadMs = 0, loadMs, denoiseMs } = job.timings;
    for (const ms of [bootMs, downloadMs, loadMs, denoiseMs]) assert.ok(ms > 0, JSON.stringify(job.timings));
    const again = await safelight.generate(INPUT);
    assert.deepEqual([again.timings.bootMs, again.timings.downloadMs, again.timings.loadMs], [undefined, undefined, 0]);
  });

  it('signs a picture anew when its URL has expired, and the old URL is dead', async () => {
    const { images } = await safelight.generate(INPUT);
    const [image] = images;
    assert.ok(image);
    assert.equal((await fetch(image.url)).status, 200);
    ahead = 901_000;
    assert.equal((await fetch(image.url)).status, 403);
    const data = Buffer.from(await safelight.images.arrayBuffer(image));
    ahead = 0;
    assert.ok((await drawHere(INPUT))[0]?.equals(data));
  });

  it('makes one job of two submissions with one key', async () => {
    const options = { idempotencyKey: 'integration-once' };
    const [first, second] = await Promise.all([safelight.generate(INPUT, options), safelight.generate(INPUT, options)]);
    assert.equal(first.job.id, second.job.id);
    assert.equal(
      stack.s3.count(({ method, key }) => method === 'PUT' && key.startsWith(`jobs/${first.job.id}/`)),
      1,
    );
  });

  it('tells how it goes, cancels a job in work, and then does the next', async () => {
    const canceled = new AbortController();
    const long = safelight.generate(
      { ...INPUT, steps: 1000 },
      {
        signal: canceled.signal,
        // Workers write their progress once a second.
        onProgress: (job) => void ('phase' in job && job.phase.name === 'denoising' && canceled.abort()),
      },
    );
    await assert.rejects(long);
    const next = await safelight.generate(INPUT);
    assert.equal(next.job.status, 'succeeded');
    const { jobs } = await stack.services.store.list({ owner: await ownerOf(stack), limit: 3 });
    assert.deepEqual(
      jobs.map(({ status }) => status),
      ['succeeded', 'canceled', 'succeeded'],
    );
  });

  it('holds a key to its limits', async () => {
    const apiKey = await stack.createKey({ imagesPerDay: 2 });
    const limited = createSafelight({ endpoint: stack.url, apiKey, maxRetries: 0 });
    await limited.generate({ ...INPUT, count: 2 });
    await assert.rejects(limited.generate(INPUT), { code: 'quota_exceeded' });
  });

  it('counts every picture of a grid, and the sheet, and signs each', async () => {
    const apiKey = await stack.createKey({ imagesPerDay: 4 });
    const limited = createSafelight({ endpoint: stack.url, apiKey, maxRetries: 0 });
    const grid = { x: [{ seed: 1 }, { seed: 2 }, { seed: 3 }] };
    const tooMany = { ...INPUT, grid: { x: [...grid.x, { seed: 4 }] } };
    await assert.rejects(limited.generate(tooMany), { code: 'quota_exceeded' });
    const { images, job } = await limited.generate({ ...INPUT, grid });
    assert.deepEqual(
      images.map(({ index, seed }) => [index, seed]),
      [
        [0, 1],
        [1, 2],
        [2, 3],
        [3, 1],
      ],
    );
    assert.deepEqual(job.settings.grid, grid);
    const owner = (await stack.keys.find(apiKey))?.owner ?? '';
    const today = new Date().toISOString().slice(0, 10);
    const [used] = await stack.services.store.usage({ owner, from: today, to: today });
    assert.equal(used?.images, 4);
    const [run] = await stack.services.store.recentRuns(job.settings.model, 1);
    const { width, height } = job.settings;
    assert.equal(run?.work.decoded, 3 * width * height);
    await assert.rejects(limited.generate(INPUT), { code: 'quota_exceeded' });
  });

  it('adds up what a key used', async () => {
    const today = new Date().toISOString().slice(0, 10);
    const apiKey = await stack.createKey();
    const mine = createSafelight({ endpoint: stack.url, apiKey });
    const { job } = await mine.generate(INPUT);
    const owner = (await stack.keys.find(apiKey))?.owner ?? '';
    const entries = await stack.services.store.usage({ owner, from: today, to: today });
    assert.deepEqual(
      entries.map(({ jobs, images, gpuSeconds }) => ({ jobs, images, gpuSeconds })),
      [{ jobs: 1, images: 1, gpuSeconds: job.usage.gpuSeconds }],
    );
  });
});

const ownerOf = async (stack: Stack): Promise<string> => (await stack.keys.list())[0]?.owner ?? '';
