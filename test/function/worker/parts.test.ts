import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gpuPriceOf } from '../../../function/src/aws/price-list.ts';
import { silentLogger } from '../../../function/src/jobs/logger.ts';
import { checkProvider } from '../../../function/src/runtime/check-provider.ts';
import { readWorkerConfig } from '../../../function/src/worker/config.ts';
import { createIdleQueue } from '../../../function/src/worker/idle-queue.ts';
import { reportBoot } from '../../../function/src/worker/report-boot.ts';
import { watchSpotNotice } from '../../../function/src/worker/watch-spot-notice.ts';
import { createFakeEngine } from '../jobs/fake-engine.ts';
import { SETTINGS } from '../jobs/sample-jobs.ts';

const ENVIRONMENT = {
  SAFELIGHT_JOBS_TABLE: 'jobs',
  SAFELIGHT_QUEUE_URL: 'https://queue.example/jobs',
  SAFELIGHT_DEAD_LETTER_QUEUE_URL: 'https://queue.example/dead',
  SAFELIGHT_IMAGES_BUCKET: 'pictures',
  SAFELIGHT_MODELS: 's3://models/v1-5, s3://models/mini/',
};

describe("the worker's configuration", () => {
  it('is the GPU, five idle minutes and four tries, unless the environment says otherwise', () => {
    const { models, provider, idleSeconds, maxAttempts } = readWorkerConfig(ENVIRONMENT);
    assert.deepEqual([provider, idleSeconds, maxAttempts], ['cuda', 300, 4]);
    assert.deepEqual(models, [
      { bucket: 'models', prefix: 'v1-5' },
      { bucket: 'models', prefix: 'mini' },
    ]);
    const said = { SAFELIGHT_PROVIDER: 'cpu', SAFELIGHT_IDLE_SECONDS: '10', SAFELIGHT_BATCH: '2' };
    const other = readWorkerConfig({ ...ENVIRONMENT, ...said });
    assert.deepEqual([other.provider, other.idleSeconds, other.batch], ['cpu', 10, 2]);
  });

  it('names what is missing or wrong', () => {
    const { SAFELIGHT_QUEUE_URL: _, ...rest } = ENVIRONMENT;
    assert.throws(() => readWorkerConfig({ ...rest, SAFELIGHT_JOBS_TABLE: ' ' }), {
      message: /^Set SAFELIGHT_JOBS_TABLE, SAFELIGHT_QUEUE_URL:/,
    });
    for (const [name, value] of [
      ['SAFELIGHT_PROVIDER', 'gpu'],
      ['SAFELIGHT_IDLE_SECONDS', '0'],
      ['SAFELIGHT_MAX_ATTEMPTS', '2.5'],
      ['SAFELIGHT_BATCH', '0'],
    ] as const)
      assert.throws(() => readWorkerConfig({ ...ENVIRONMENT, [name]: value }), new RegExp(name));
    assert.throws(() => readWorkerConfig({ ...ENVIRONMENT, SAFELIGHT_MODELS: 'models/v1' }), /s3:\/\/bucket/);
  });
});

describe('the price of a worker', () => {
  it("is its machine's and the fee for managing it, by the price list's day", () => {
    const onDemand = gpuPriceOf('g6.xlarge', 'on-demand');
    assert.equal(onDemand?.perHour.toFixed(6), (0.8048 * 1.12).toFixed(6));
    assert.match(onDemand?.priceDate ?? '', /^\d{4}-\d{2}-\d{2}$/);
    assert.ok((gpuPriceOf('g6.xlarge', 'spot')?.perHour ?? 1) < 0.6);
    assert.equal(gpuPriceOf('p5.48xlarge', 'spot'), undefined);
  });
});

describe('a provider', () => {
  it('that works is fine, and one that does not is named', async () => {
    await checkProvider('cpu');
    await assert.rejects(checkProvider('cuda'), {
      code: 'unavailable',
      message: /cannot compute on cuda: .*SAFELIGHT_PROVIDER=cpu/,
    });
  });
});

describe('a spot notice', () => {
  it('is looked for every five seconds, over failures, until it comes', async () => {
    const answers = [false, new Error('no answer'), new Error('no answer'), false, true, true];
    const waits: number[] = [];
    const warnings: string[] = [];
    let notices = 0;
    await watchSpotNotice({
      metadata: {
        isBeingTakenBack: async () => {
          const answer = answers.shift();
          if (answer instanceof Error) throw answer;
          return answer ?? false;
        },
      },
      onNotice: () => void notices++,
      signal: new AbortController().signal,
      logger: (_, event) => void warnings.push(event),
      wait: async (milliseconds) => void waits.push(milliseconds),
    });
    assert.deepEqual([notices, waits, answers.length], [1, [5000, 5000, 5000, 5000], 1]);
    assert.deepEqual(warnings, ['spot_notice_unknown'], 'said once');
  });

  it('is not waited for by a worker that ends', async () => {
    const end = new AbortController();
    const watching = watchSpotNotice({
      metadata: { isBeingTakenBack: async () => false },
      onNotice: () => assert.fail('no notice came'),
      signal: end.signal,
      logger: silentLogger,
    });
    end.abort();
    await watching;
  });
});

describe('a queue that gives nothing', () => {
  it('says so after the idle time, counted anew for each message', async () => {
    const timers: { run: () => void; milliseconds: number; isCleared: boolean }[] = [];
    let idle = 0;
    const message = { jobId: 'a', receipt: 'r' };
    const pending: ((value: typeof message) => void)[] = [];
    const nothing = async () => undefined;
    const queue = createIdleQueue({
      queue: {
        ...{ send: nothing, extend: nothing, release: nothing, done: nothing, bury: nothing, receiveNow: nothing },
        receive: () => new Promise((resolve) => pending.push(resolve)),
      },
      idleSeconds: 300,
      onIdle: () => void idle++,
      setTimer: (run, milliseconds) => {
        const timer = { run, milliseconds, isCleared: false };
        timers.push(timer);
        return {
          clear() {
            timer.isCleared = true;
          },
        };
      },
    });
    const { signal } = new AbortController();
    const first = queue.receive(signal);
    pending[0]?.(message);
    assert.equal(await first, message);
    assert.deepEqual([timers[0]?.isCleared, idle], [true, 0]);
    void queue.receive(signal);
    assert.equal(timers[1]?.milliseconds, 300_000);
    timers[1]?.run();
    assert.equal(idle, 1);
  });
});

describe("a worker's start", () => {
  it("is told with its first pictures only: the machine's, if that is new", async () => {
    const boot = async (uptimeSeconds: number) => {
      const engine = reportBoot(createFakeEngine(), { uptimeSeconds, processSeconds: 4 });
      const [first, second] = [await engine.generate(SETTINGS), await engine.generate(SETTINGS)];
      return [first.timings.bootMs, second.timings.bootMs];
    };
    assert.deepEqual(await boot(95), [95_000, undefined]);
    assert.deepEqual(await boot(100_000), [4000, undefined]);
  });
});
