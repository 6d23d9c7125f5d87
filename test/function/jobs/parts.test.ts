import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { jobIdSchema } from '@safelight/sdk/contract';
import { createChangeNotifier, waitFor } from '../../../function/src/jobs/change-notifier.ts';
import { hashInput } from '../../../function/src/jobs/input-hash.ts';
import { createJobIdSource } from '../../../function/src/jobs/job-id.ts';
import { createJsonLogger, describeError } from '../../../function/src/jobs/logger.ts';

const INPUT = { prompt: 'p', negativePrompt: '', promptSyntax: 'a1111', rng: 'cuda', count: 1, format: 'png' } as const;

describe('job ids', () => {
  it('fit the contract and sort by age, also within a millisecond and when the clock is set back', () => {
    const times = [5, 5, 5, 6, 4, 1_700_000_000_000, 1_700_000_000_000, 2];
    const newId = createJobIdSource({ now: () => times.shift() ?? 0 });
    const ids = Array.from({ length: 8 }, newId);
    for (const id of ids) jobIdSchema.parse(id);
    assert.deepEqual(ids, [...ids].sort());
    assert.equal(new Set(ids).size, 8);
  });

  it('are not to be guessed from each other across sources', () => {
    const now = () => 5;
    assert.notEqual(createJobIdSource({ now })(), createJobIdSource({ now })());
  });

  it('count up through all digits', () => {
    const newId = createJobIdSource({ now: () => 0, randomBytes: (size) => new Uint8Array(size).fill(31) });
    const [first, second] = [newId(), newId()];
    assert.equal(first, `${'0'.repeat(10)}f${'z'.repeat(15)}`);
    assert.equal(second, `${'0'.repeat(10)}g${'0'.repeat(15)}`);
  });
});

describe('the input hash', () => {
  it('ignores order and absent fields, and nothing else', () => {
    const hash = hashInput(INPUT);
    const { prompt, ...rest } = INPUT;
    assert.equal(hashInput({ ...rest, prompt, seed: undefined }), hash);
    assert.notEqual(hashInput({ ...INPUT, seed: 0 }), hash);
    assert.notEqual(hashInput({ ...INPUT, prompt: 'P' }), hash);
  });
});

describe('waiting', () => {
  it('ends by time, by wake-up and by abort, leaving no timer or listener', async () => {
    const { signal } = new AbortController();
    const added = mock.method(signal, 'addEventListener');
    const removed = mock.method(signal, 'removeEventListener');
    await waitFor(1, signal);
    await waitFor(60_000, signal, (wake) => wake());
    assert.equal(added.mock.callCount(), removed.mock.callCount());
    const reason = new Error('enough');
    await assert.rejects(waitFor(60_000, AbortSignal.abort(reason)), reason);
    const controller = new AbortController();
    const waiting = waitFor(60_000, controller.signal);
    controller.abort(reason);
    await assert.rejects(waiting, reason);
  });

  it('for a change misses none that came before', async () => {
    const notifier = createChangeNotifier();
    const changes = notifier.subscribe('job');
    const { signal } = new AbortController();
    notifier.notify('job');
    await changes.next(60_000, signal);
    const waiting = changes.next(60_000, signal);
    notifier.notify('other');
    notifier.notify('job');
    await waiting;
    const startedAt = Date.now();
    await changes.next(20, signal);
    assert.ok(Date.now() - startedAt >= 15, 'one change wakes once');
    changes.close();
  });
});

describe('logs', () => {
  it('are one JSON object per line', () => {
    const lines: string[] = [];
    const logger = createJsonLogger(
      (line) => lines.push(line),
      () => 0,
    );
    logger('info', 'event\nwith a newline', { jobId: 'x' });
    assert.deepEqual(lines, [
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","event":"event\\nwith a newline","jobId":"x"}\n',
    ]);
  });

  it('describe errors with their causes, less what is private', () => {
    const cause = new Error('could not encode "my cat"');
    const fields = describeError(new TypeError('failed on my cat', { cause }), ['my cat', '']);
    assert.equal(fields.errorName, 'TypeError');
    assert.match(String(fields.stack), /failed on \[private\].*Caused by.*"\[private\]"/s);
    assert.doesNotMatch(String(fields.stack), /my cat/);
    assert.deepEqual(describeError('text'), { errorName: 'string' });
  });
});
