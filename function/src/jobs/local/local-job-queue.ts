import { type ChangeNotifier, QUEUE_TOPIC } from '../change-notifier.ts';
import type { JobMessage, JobQueue } from '../job-queue.ts';
import type { JobDatabase } from './database.ts';

/** How often to look for what other processes queued or lost: a lookup costs some ten microseconds. */
const POLL_MS = 500;

export interface LocalJobQueueOptions {
  database: JobDatabase;
  notifier: ChangeNotifier;
  now: () => number;
  /** @defaultValue 500 */
  pollMs?: number;
}

/**
 * The job table seen as a queue: oldest first, jobs whose worker went silent before all others. The record's own
 * lease and back-off time decide what is to be had, so `extend`, `release`, `done` and `bury` have nothing to keep.
 */
export const createLocalJobQueue = ({ database, notifier, now, pollMs = POLL_MS }: LocalJobQueueOptions): JobQueue => {
  const oldest = database.prepare(
    'SELECT id, takeable_at FROM jobs WHERE status = ? AND takeable_at IS NOT NULL ORDER BY takeable_at, id LIMIT 1',
  );
  const first = (status: 'running' | 'queued') => oldest.get(status) as { id: string; takeable_at: number } | undefined;

  const look = (): { message: JobMessage } | { waitMs: number } => {
    const time = now();
    const candidates = [first('running'), first('queued')].filter((row) => row !== undefined);
    const due = candidates.find((row) => row.takeable_at <= time);
    if (due !== undefined) return { message: { jobId: due.id, receipt: due.id } };
    return { waitMs: Math.max(1, Math.min(pollMs, ...candidates.map((row) => row.takeable_at - time))) };
  };

  return {
    send: async () => notifier.notify(QUEUE_TOPIC),
    async receive(signal) {
      const changes = notifier.subscribe(QUEUE_TOPIC);
      try {
        for (;;) {
          signal.throwIfAborted();
          const found = look();
          if ('message' in found) return found.message;
          await changes.next(found.waitMs, signal);
        }
      } finally {
        changes.close();
      }
    },
    async receiveNow() {
      const found = look();
      return 'message' in found ? found.message : undefined;
    },
    extend: async () => {},
    release: async () => {},
    done: async () => {},
    // The failed job itself says what became of it.
    bury: async () => {},
  };
};
