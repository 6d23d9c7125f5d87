import { type ChangeNotifier, WEBHOOK_TOPIC } from '../jobs/change-notifier.ts';
import type { JobStore } from '../jobs/job-store.ts';
import type { JobDatabase } from '../jobs/local/database.ts';
import { describeError, type Logger } from '../jobs/logger.ts';
import { type SendWebhookOptions, sendWebhook } from './send-webhook.ts';
import { toWebhookEvent } from './webhook-event.ts';
import { nextWebhookTryMs } from './webhook-schedule.ts';

/** How often to look for what other processes left to be sent. */
const POLL_MS = 10_000;
/** A message that a process took is left to it for this long, more than a try can take. */
const TAKEN_MS = 60_000;
/** Messages under way at a time: one slow receiver must not hold up the others. */
const PARALLEL = 8;

export interface LocalWebhooksOptions extends Pick<SendWebhookOptions, 'sign' | 'allowsPrivate' | 'now'> {
  database: JobDatabase;
  store: Pick<JobStore, 'get'>;
  notifier: ChangeNotifier;
  random: () => number;
  logger: Logger;
  /** Replaced in tests. @defaultValue sendWebhook */
  send?: typeof sendWebhook;
}

/** A row of the table `webhooks`. */
interface Message {
  job_id: string;
  due_at: number;
  tries: number;
}

/** Sends what the job store left in the table `webhooks`, until it is closed. */
export interface LocalWebhooks {
  /** Stops sending; what was not delivered stays in the table. */
  close(): Promise<void>;
}

/** Starts sending, with what earlier processes did not get delivered. */
export const startLocalWebhooks = (options: LocalWebhooksOptions): LocalWebhooks => {
  const { database, store, notifier, sign, allowsPrivate, now, random, logger, send = sendWebhook } = options;
  const first = database.prepare('SELECT * FROM webhooks ORDER BY due_at LIMIT 1');
  // Names the time that was read, so that of two processes only one takes the message.
  const claim = database.prepare('UPDATE webhooks SET due_at = ?, tries = ? WHERE job_id = ? AND due_at = ?');
  const postpone = database.prepare('UPDATE webhooks SET due_at = ? WHERE job_id = ?');
  const remove = database.prepare('DELETE FROM webhooks WHERE job_id = ?');
  const closing = new AbortController();
  const underWay = new Set<Promise<void>>();

  /** The next message that is due, now ours; or how long to wait. */
  const take = (): Message | number => {
    const row = first.get() as Message | undefined;
    if (row === undefined || row.due_at > now()) return Math.min(POLL_MS, (row?.due_at ?? Infinity) - now());
    const tries = row.tries + 1;
    return claim.run(now() + TAKEN_MS, tries, row.job_id, row.due_at).changes === 1 ? { ...row, tries } : 1;
  };

  const deliver = async ({ job_id: jobId, tries }: Message): Promise<void> => {
    const job = await store.get(jobId);
    const event = job === undefined ? undefined : toWebhookEvent(job);
    if (event === undefined || job === undefined || job.webhookUrl === null) return void remove.run(jobId);
    const { webhookUrl: url } = job;
    const body = JSON.stringify(event);
    const result = await send({ url, id: `job_${jobId}`, body, sign, allowsPrivate, now, signal: closing.signal });
    if (result.outcome === 'delivered') {
      remove.run(jobId);
      return logger('info', 'webhook_delivered', { jobId, attempt: tries });
    }
    const pauseMs = result.outcome === 'refused' ? undefined : nextWebhookTryMs(tries, random);
    logger('warn', 'webhook_failed', { jobId, attempt: tries, reason: result.reason, retryAfterMs: pauseMs });
    if (pauseMs === undefined) remove.run(jobId);
    else postpone.run(now() + Math.round(pauseMs), jobId);
  };

  const start = (message: Message): void => {
    const delivery = deliver(message)
      .catch((error: unknown) => {
        if (!closing.signal.aborted) logger('error', 'webhook_trouble', describeError(error));
      })
      .finally(() => underWay.delete(delivery));
    underWay.add(delivery);
  };

  const loop = async (): Promise<void> => {
    const changes = notifier.subscribe(WEBHOOK_TOPIC);
    while (!closing.signal.aborted) {
      try {
        const found = underWay.size < PARALLEL ? take() : await Promise.race(underWay).then(() => 1);
        if (typeof found === 'number') await changes.next(found, closing.signal);
        else start(found);
      } catch (error) {
        if (closing.signal.aborted) break;
        logger('error', 'webhook_trouble', describeError(error));
        await changes.next(POLL_MS, closing.signal).catch(() => {});
      }
    }
    changes.close();
  };
  const looping = loop();

  return {
    async close() {
      closing.abort(new Error('The server is closing'));
      await looping;
      await Promise.all(underWay);
    },
  };
};
