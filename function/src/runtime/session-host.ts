import { FunctionError } from '../errors.ts';
import { startThread } from '../start-thread.ts';
import type { Feeds, Outputs, SessionCommand, SessionReply, SessionSettings } from './session-protocol.ts';

/** onnxruntime sessions by name, living in a thread of their own. */
export interface SessionHost {
  /** Creates a session; its weights are mapped from the file beside the graph, never copied into JavaScript. */
  load(session: string, graphPath: string, settings?: SessionSettings): Promise<void>;
  /** @param outputs Names of those that are wanted. @defaultValue all */
  run(session: string, feeds: Feeds, outputs?: readonly string[]): Promise<Outputs>;
  /** Whether the thread has died; a lost host refuses every command. */
  readonly isLost: boolean;
  close(): Promise<void>;
}

interface Pending {
  resolve: (outputs: Outputs) => void;
  reject: (error: Error) => void;
}

export function createSessionHost(): SessionHost {
  const worker = startThread(import.meta.url, 'session-worker');
  const pending = new Map<number, Pending>();
  let lost: FunctionError | undefined;
  let nextId = 0;
  let isClosing = false;

  // An idle host does not keep the process alive; a running command does.
  worker.unref();
  worker.on('message', (reply: SessionReply) => {
    const waiting = pending.get(reply.id);
    pending.delete(reply.id);
    if (pending.size === 0 && !isClosing) worker.unref();
    if (reply.ok) waiting?.resolve(reply.outputs ?? {});
    else waiting?.reject(inferenceError(reply.message));
  });
  worker.on('error', (cause) => {
    fail(new FunctionError('internal', 'The inference thread failed.', { cause, isRetryable: true }));
  });
  worker.on('exit', () => {
    fail(new FunctionError('unavailable', 'The inference thread has ended.', { isRetryable: true }));
  });

  function fail(error: FunctionError): void {
    lost ??= error;
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  }

  function send(command: SessionCommand): Promise<Outputs> {
    if (lost !== undefined) return Promise.reject(lost);
    return new Promise((resolve, reject) => {
      const id = nextId++;
      pending.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, command });
    });
  }

  return {
    load: async (session, path, settings = {}) => void (await send({ kind: 'load', session, path, settings })),
    run: (session, feeds, outputs) => send({ kind: 'run', session, feeds, outputs }),
    get isLost() {
      return lost !== undefined;
    },
    async close() {
      // Its end is waited for, also where nothing else keeps the process alive.
      isClosing = true;
      worker.ref();
      await worker.terminate();
    },
  };
}

function inferenceError(message: string): FunctionError {
  if (/bad_alloc|allocate memory|out of memory/i.test(message)) {
    return new FunctionError(
      'out_of_memory',
      'Not enough memory for this picture: ask for a smaller one, or fewer at once.',
    );
  }
  if (/AppendExecutionProvider_Cuda|CUDA driver|no CUDA-capable device|CUDA failure (35|100)\b/i.test(message)) {
    return new FunctionError(
      'unavailable',
      "No usable GPU: CUDA 12 and cuDNN 9, an NVIDIA driver and onnxruntime's CUDA provider are needed. Without them, use the cpu.",
      { cause: new Error(message) },
    );
  }
  return new FunctionError('internal', 'Inference failed.', { cause: new Error(message) });
}
