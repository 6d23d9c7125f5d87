import type { JobQueue } from '../jobs/job-queue.ts';

export interface IdleQueueOptions {
  queue: JobQueue;
  idleSeconds: number;
  /** Nothing came for so long. */
  onIdle: () => void;
  /** Injected in tests. */
  setTimer?: (run: () => void, milliseconds: number) => { clear(): void };
}

const setSystemTimer = (run: () => void, milliseconds: number) => {
  const timer = setTimeout(run, milliseconds);
  return { clear: () => clearTimeout(timer) };
};

/** A queue that notices when it has nothing to give. A message that turns out to be of no use starts the time anew. */
export const createIdleQueue = (options: IdleQueueOptions): JobQueue => {
  const { queue, idleSeconds, onIdle, setTimer = setSystemTimer } = options;
  return {
    ...queue,
    async receive(signal) {
      const timer = setTimer(onIdle, idleSeconds * 1000);
      try {
        return await queue.receive(signal);
      } finally {
        timer.clear();
      }
    },
  };
};
