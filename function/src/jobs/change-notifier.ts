/** Hears of changes to one topic. Changes between two waits are remembered, so none is missed. */
export interface ChangeSubscription {
  /**
   * Resolves at the next change, or after `timeoutMs`, since other processes change things silently.
   * @throws the signal's reason when it aborts.
   */
  next(timeoutMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Tells waiting code of this process that something changed. A topic is a job's id, or one of those below. */
export interface ChangeNotifier {
  notify(topic: string): void;
  subscribe(topic: string): ChangeSubscription;
}

/** Something may be there for a worker. */
export const QUEUE_TOPIC = 'queue';
/** A job's end may have to be announced. */
export const WEBHOOK_TOPIC = 'webhooks';

/** Waits, unless the signal aborts: then rejects with its reason. Leaves no timer or listener behind. */
export const waitFor = (timeoutMs: number, signal: AbortSignal, onWake?: (wake: () => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const settle = (outcome: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      outcome();
    };
    const abort = () => settle(() => reject(signal.reason));
    const wake = () => settle(resolve);
    const timer = setTimeout(wake, timeoutMs);
    signal.addEventListener('abort', abort, { once: true });
    onWake?.(wake);
  });

export const createChangeNotifier = (): ChangeNotifier => {
  const listeners = new Map<string, Set<() => void>>();
  return {
    notify(topic) {
      for (const listener of listeners.get(topic) ?? []) listener();
    },
    subscribe(topic) {
      let isChanged = false;
      let wake: (() => void) | undefined;
      const listener = () => {
        isChanged = true;
        wake?.();
      };
      const set = listeners.get(topic) ?? new Set();
      listeners.set(topic, set.add(listener));
      return {
        async next(timeoutMs, signal) {
          if (!isChanged) {
            await waitFor(timeoutMs, signal, (resolve) => {
              wake = resolve;
            });
          }
          signal.throwIfAborted();
          isChanged = false;
        },
        close() {
          set.delete(listener);
          if (set.size === 0 && listeners.get(topic) === set) listeners.delete(topic);
        },
      };
    },
  };
};
