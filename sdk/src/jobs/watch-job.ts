import type { Connection } from '../connection.ts';
import type { Job } from '../contract/index.ts';
import { SafelightError } from '../errors/safelight-error.ts';
import { isFinished } from '../job-types.ts';
import { procedures } from '../procedures.ts';
import type { Scope } from '../timing/scope.ts';
import { sleep } from '../timing/sleep.ts';
import { createUpdateFilter } from './update-filter.ts';

/** Pause before a poll; grows while nothing changes, so that a job of minutes costs few requests. */
const MIN_POLL_DELAY_MS = 500;
const MAX_POLL_DELAY_MS = 10_000;
const POLL_DELAY_GROWTH = 1.5;
/** Polls between two tries of the stream; doubles while the stream brings nothing, as behind a proxy that holds it back. */
const MAX_POLLS_PER_STREAM = 16;
/** A server may be away for this long, to be replaced say, before waiting for its job fails. */
const MAX_OUTAGE_MS = 120_000;

/**
 * Yields the job as it is known, then each newer state, none twice, up to the final one.
 *
 * The stream only makes updates quick. When it breaks, ends early or stalls, `jobs.get` decides how things stand, also
 * whether there is an error to report; then the stream is tried again.
 *
 * @throws the scope's reason; an error that is not retryable; any error once the server was away for two minutes.
 */
export async function* watchJob(connection: Connection, known: Job, scope: Scope): AsyncGenerator<Job, void> {
  const isNews = createUpdateFilter();
  isNews(known);
  yield known;
  if (isFinished(known)) return;

  for await (const job of stateSource(connection, known.id, scope, isNews)) {
    yield job;
    if (isFinished(job)) return;
  }
}

/** News from stream and polls in turn, without end. */
async function* stateSource(
  connection: Connection,
  jobId: string,
  scope: Scope,
  isNews: (job: Job) => boolean,
): AsyncGenerator<Job, void> {
  const poller = createPoller(connection, jobId, scope);
  let pollsPerStream = 1;
  for (;;) {
    let hasStreamed = false;
    for await (const job of streamUntilBroken(connection, jobId, scope)) {
      hasStreamed = true;
      poller.heardFromServer();
      if (!isNews(job)) continue;
      poller.speedUp();
      yield job;
    }
    pollsPerStream = hasStreamed ? 1 : pollsPerStream;
    for (let polls = 0; polls < pollsPerStream; polls++) {
      const job = await poller.next();
      if (job === undefined || !isNews(job)) continue;
      poller.speedUp();
      yield job;
    }
    pollsPerStream = Math.min(MAX_POLLS_PER_STREAM, pollsPerStream * 2);
  }
}

/** The stream's states; ends quietly when it breaks, because a poll follows. */
async function* streamUntilBroken(connection: Connection, jobId: string, scope: Scope): AsyncGenerator<Job, void> {
  try {
    yield* connection.transport.stream(procedures.watchJob(jobId), scope.signal);
  } catch {
    scope.signal.throwIfAborted();
  }
}

function createPoller(connection: Connection, jobId: string, scope: Scope) {
  const { clock } = connection;
  let delayMs = MIN_POLL_DELAY_MS;
  let lastAnswerAt = clock.now();

  return {
    /** Waits, then asks; `undefined` while the server is away for a short time. */
    async next(): Promise<Job | undefined> {
      await sleep(delayMs, clock, scope.signal);
      delayMs = Math.min(MAX_POLL_DELAY_MS, delayMs * POLL_DELAY_GROWTH);
      try {
        const job = await connection.request(procedures.getJob(jobId), scope);
        lastAnswerAt = clock.now();
        return job;
      } catch (error) {
        scope.signal.throwIfAborted();
        const isPassing = SafelightError.isInstance(error) && error.isRetryable;
        if (!isPassing || clock.now() - lastAnswerAt > MAX_OUTAGE_MS) throw error;
        delayMs = Math.max(delayMs, error.retryAfterMs ?? 0);
        return undefined;
      }
    },
    /** Something changes: look again soon. */
    speedUp(): void {
      delayMs = MIN_POLL_DELAY_MS;
    },
    /** In another way than by a poll. */
    heardFromServer(): void {
      lastAnswerAt = clock.now();
    },
  };
}
