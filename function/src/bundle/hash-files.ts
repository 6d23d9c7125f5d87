import { startByteThreads } from './byte-threads.ts';

/** sha256 of each file, in hexadecimal, computed in another thread. An abort ends it at once. */
export async function hashFiles(paths: readonly string[], signal?: AbortSignal): Promise<string[]> {
  signal?.throwIfAborted();
  const threads = startByteThreads();
  const onAbort = () => void threads.close();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.all(paths.map((path) => threads.sha256OfFile(path)));
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await threads.close();
  }
}
