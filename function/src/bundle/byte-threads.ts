import { startThread } from '../start-thread.ts';
import { usableProcessors } from '../usable-processors.ts';

/** Bytes that all threads see: nothing is copied when they are hashed or written. */
export type SharedBytes = Uint8Array<SharedArrayBuffer>;

export type ByteRequest =
  | { kind: 'crc32'; bytes: SharedBytes }
  | { kind: 'crc32-range'; fd: number; position: number; length: number }
  | { kind: 'sha256-range'; fd: number; position: number; length: number }
  | { kind: 'sha256-file'; path: string }
  | { kind: 'write'; bytes: SharedBytes; fd: number; position: number };

/**
 * Threads that compute checksums, in hexadecimal, and write. Once a thread has failed, all that it is asked for fails with the same error.
 */
export interface ByteThreads {
  /** The bytes must stay as they are until it resolves. */
  crc32(bytes: SharedBytes): Promise<string>;
  /** Of a run of an open file, which must stay open until it settles; of less where the file ends before. */
  crc32OfRange(fd: number, position: number, length: number): Promise<string>;
  sha256OfRange(fd: number, position: number, length: number): Promise<string>;
  sha256OfFile(path: string): Promise<string>;
  /** Writes all bytes to an open file; they must stay as they are, and the file open, until it settles. */
  write(bytes: SharedBytes, fd: number, position: number): Promise<void>;
  /** Ends the threads at once; what they were asked for and have not done is rejected. */
  close(): Promise<void>;
}

/** How many threads can work beside the one that reads; more than a few would wait for it. */
export function spareThreads(): number {
  return Math.min(Math.max(1, usableProcessors() - 1), 4);
}

export function startByteThreads(count = 1): ByteThreads {
  const threads = Array.from({ length: count }, startByteThread);
  const ask = (request: ByteRequest) => {
    const idlest = threads.reduce((a, b) => (b.queueLength() < a.queueLength() ? b : a));
    return idlest.ask(request);
  };
  return {
    crc32: async (bytes) => (await ask({ kind: 'crc32', bytes })) as string,
    crc32OfRange: async (fd, position, length) => (await ask({ kind: 'crc32-range', fd, position, length })) as string,
    sha256OfRange: async (fd, position, length) =>
      (await ask({ kind: 'sha256-range', fd, position, length })) as string,
    sha256OfFile: async (path) => (await ask({ kind: 'sha256-file', path })) as string,
    write: async (bytes, fd, position) => void (await ask({ kind: 'write', bytes, fd, position })),
    close: async () => void (await Promise.all(threads.map((thread) => thread.close()))),
  };
}

type Answer = string | undefined;

function startByteThread() {
  const worker = startThread(import.meta.url, 'byte-worker');
  // In the order of the requests, which is that of the answers.
  const waiting: { resolve: (answer: Answer) => void; reject: (error: unknown) => void }[] = [];
  let failure: unknown;
  const fail = (error: unknown) => {
    failure ??= error;
    for (const { reject } of waiting.splice(0)) reject(failure);
  };
  worker.on('message', (answer: Answer) => waiting.shift()?.resolve(answer));
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('The thread ended before it answered')));
  return {
    ask: (request: ByteRequest) =>
      new Promise<Answer>((resolve, reject) => {
        if (failure !== undefined) return reject(failure);
        waiting.push({ resolve, reject });
        worker.postMessage(request);
      }),
    queueLength: () => waiting.length,
    close: () => worker.terminate(),
  };
}
