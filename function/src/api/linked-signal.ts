/** A signal that aborts with the first of several, and can be let go of. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  unlink(): void;
}

/**
 * `AbortSignal.any` for signals of unequal life: here the server's signal outlives thousands of requests, and would
 * remember each of them.
 */
export const linkSignals = (...signals: readonly AbortSignal[]): LinkedSignal => {
  const controller = new AbortController();
  const onAbort = () => controller.abort(signals.find((signal) => signal.aborted)?.reason);
  for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true });
  if (signals.some((signal) => signal.aborted)) onAbort();
  return {
    signal: controller.signal,
    unlink() {
      for (const signal of signals) signal.removeEventListener('abort', onAbort);
    },
  };
};
