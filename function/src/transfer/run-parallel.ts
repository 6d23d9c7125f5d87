export interface RunParallelParams<Item> {
  /** Started in this order. */
  items: Iterable<Item>;
  concurrency: number;
  signal?: AbortSignal | undefined;
  /** `worker` counts from 0 to `concurrency - 1`; one worker does one item at a time. */
  work: (item: Item, context: { signal: AbortSignal; worker: number }) => Promise<void>;
}

/**
 * Works on items, some at a time. The first failure aborts what is running, and is thrown once all of it has stopped, so
 * that nothing still writes when the caller cleans up.
 * @throws the signal's reason when it aborts.
 */
export async function runParallel<Item>(params: RunParallelParams<Item>): Promise<void> {
  const { items, concurrency, signal, work } = params;
  signal?.throwIfAborted();
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const queue = items[Symbol.iterator]();
  const runWorker = async (worker: number) => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      stop.signal.throwIfAborted();
      await work(next.value, { signal: stop.signal, worker });
    }
  };
  try {
    const workers = Array.from({ length: Math.max(1, concurrency) }, (_, worker) =>
      runWorker(worker).catch((error: unknown) => {
        stop.abort(error);
        throw error;
      }),
    );
    await Promise.allSettled(workers);
    stop.signal.throwIfAborted();
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}
