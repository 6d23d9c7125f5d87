import type { GenerateInput, Job } from '../contract/index.ts';
import type { GenerateResult, PendingJob } from '../job-types.ts';
import type { Safelight } from '../safelight.ts';
import type { GenerateOptions } from './generate.ts';

/** What a page shows of a generation. A new object at every change, the same one between two. */
export type GenerationState =
  | { status: 'idle' }
  /** `job` is its latest state, once the server has it. */
  | { status: 'running'; job: PendingJob | undefined }
  | { status: 'succeeded'; result: GenerateResult }
  | { status: 'failed'; error: unknown };

/**
 * One generation at a time, as a store for user interfaces: made for React's `useSyncExternalStore`, and no harder to use
 * with others.
 */
export interface Generation {
  /** Calls back at every change; returns what ends that. */
  subscribe(listener: () => void): () => void;
  getSnapshot(): GenerationState;
  /** Starts; a generation that is under way is cancelled. Never rejects: how it ends is the state. */
  start(input: GenerateInput, options?: Pick<GenerateOptions, 'deadlineMs' | 'idempotencyKey'>): Promise<void>;
  /** Cancels what is under way, and forgets the last result. */
  reset(): void;
}

/**
 * Makes a store for one generation at a time.
 * @example
 * function useGenerate(safelight: Safelight) {
 *   const [generation] = useState(() => createGeneration(safelight));
 *   useEffect(() => generation.reset, [generation]);
 *   return { ...useSyncExternalStore(generation.subscribe, generation.getSnapshot), ...generation };
 * }
 */
export function createGeneration(client: Pick<Safelight, 'generate'>): Generation {
  const listeners = new Set<() => void>();
  let state: GenerationState = { status: 'idle' };
  let current: AbortController | undefined;

  const set = (next: GenerationState) => {
    state = next;
    for (const listener of listeners) listener();
  };
  const stop = () => {
    current?.abort(new Error('Replaced or reset'));
    current = undefined;
  };

  return {
    subscribe(listener) {
      // A listener that is passed twice must also be taken away twice.
      const call = () => listener();
      listeners.add(call);
      return () => listeners.delete(call);
    },
    getSnapshot: () => state,
    async start(input, options = {}) {
      stop();
      const controller = new AbortController();
      current = controller;
      // What an earlier generation still has to say is of no interest.
      const setIfCurrent = (next: GenerationState) => {
        if (current === controller) set(next);
      };
      set({ status: 'running', job: undefined });
      try {
        const onProgress = (job: Job) => setIfCurrent({ status: 'running', job: job as PendingJob });
        const result = await client.generate(input, { ...options, signal: controller.signal, onProgress });
        setIfCurrent({ status: 'succeeded', result });
      } catch (error) {
        setIfCurrent({ status: 'failed', error });
      }
    },
    reset() {
      stop();
      if (state.status !== 'idle') set({ status: 'idle' });
    },
  };
}
