import type { Clock } from './clock.ts';

/** A stretch of work that ends when its time is up or when one of its parents aborts. */
export interface Scope {
  /** Aborts with the parent's reason, or with the time-out's error. */
  readonly signal: AbortSignal;
  /** Milliseconds until the time is up; Infinity without a limit. */
  remainingMs(): number;
  /** Ends it now: whatever still listens is told to stop. */
  abort(reason?: unknown): void;
  /** Takes timer and listeners away; call it in `finally`. */
  close(): void;
}

export interface ScopeOptions {
  clock: Clock;
  parents?: readonly (AbortSignal | undefined)[];
  /** @defaultValue Infinity */
  timeoutMs?: number | undefined;
  /** Made when the time is up, so that it can name what has become known until then. */
  timeoutError?: () => Error;
}

/**
 * Opens a scope. Not `AbortSignal.any` and `AbortSignal.timeout`: these keep listeners on a long-lived parent until it
 * is collected, and know no other clock.
 */
export function openScope(options: ScopeOptions): Scope {
  const { clock, parents = [], timeoutMs = Infinity, timeoutError } = options;
  const controller = new AbortController();
  const endsAt = clock.now() + timeoutMs;
  const cleanups: (() => void)[] = [];
  const close = () => {
    for (const cleanup of cleanups.splice(0)) cleanup();
  };
  const abort = (reason?: unknown) => {
    close();
    controller.abort(reason);
  };

  for (const parent of parents) {
    if (parent === undefined) continue;
    if (parent.aborted) {
      abort(parent.reason);
      break;
    }
    const onAbort = () => abort(parent.reason);
    parent.addEventListener('abort', onAbort, { once: true });
    cleanups.push(() => parent.removeEventListener('abort', onAbort));
  }
  if (timeoutMs !== Infinity && !controller.signal.aborted) {
    cleanups.push(clock.startTimer(timeoutMs, () => abort(timeoutError?.())));
  }
  return { signal: controller.signal, remainingMs: () => endsAt - clock.now(), abort, close };
}
