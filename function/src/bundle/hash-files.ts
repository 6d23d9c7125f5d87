import { startThread } from '../start-thread.ts';

/** sha256 of each file, in hexadecimal, computed in another thread. An abort ends it at once. */
export function hashFiles(paths: readonly string[], signal?: AbortSignal): Promise<string[]> {
  const thread = startThread(import.meta.url, 'hash-worker', { workerData: paths });
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      void thread.terminate();
      reject(signal?.reason);
    };
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', () => {
      signal?.removeEventListener('abort', onAbort);
      // After a message or an error this changes nothing.
      reject(new Error('The hashing thread ended without a result'));
    });
  });
}
