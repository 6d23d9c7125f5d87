import type { GenerateInput } from '../contract/index.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';
import type { GenerateResult } from '../job-types.ts';
import type { Safelight } from '../safelight.ts';
import type { GenerateOptions } from './generate.ts';

/** Options of `generateAll`. */
export interface GenerateAllOptions extends Pick<GenerateOptions, 'signal' | 'deadlineMs'> {
  /** Calls under way at a time. More than the server has workers only wait there. @defaultValue 4 */
  concurrency?: number | undefined;
  /**
   * Names the batch: input i is submitted under this key, "-" and i. The same batch run again, after a crash say, gets
   * the jobs that it has already paid for. @defaultValue random keys
   */
  idempotencyKey?: string | undefined;
}

/** How one input of a batch ended. */
export type BatchOutcome =
  | { index: number; input: GenerateInput; status: 'fulfilled'; result: GenerateResult }
  | { index: number; input: GenerateInput; status: 'rejected'; reason: unknown };

/**
 * Makes pictures of many inputs, a few at a time, and yields each outcome as it comes: one that fails does not stop the
 * others. Inputs are taken as they are needed, so there may be any number. Leaving the loop, or an abort, cancels the jobs
 * that are under way.
 *
 * @throws InvalidInputError for a concurrency that is none; the signal's reason.
 * @example
 * for await (const outcome of generateAll(safelight, prompts.map((prompt) => ({ prompt })), { concurrency: 8 })) {
 *   if (outcome.status === 'fulfilled') await save(outcome.index, outcome.result);
 * }
 */
export async function* generateAll(
  client: Pick<Safelight, 'generate'>,
  inputs: Iterable<GenerateInput> | AsyncIterable<GenerateInput>,
  { signal, deadlineMs, concurrency = 4, idempotencyKey }: GenerateAllOptions = {},
): AsyncGenerator<BatchOutcome, void> {
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    const message = 'concurrency must be a whole number, 1 or more';
    throw new InvalidInputError(message, { code: 'invalid_input', field: 'concurrency' });
  }
  signal?.throwIfAborted();
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const underWay = new Map<number, Promise<BatchOutcome>>();

  const start = (input: GenerateInput, index: number): Promise<BatchOutcome> =>
    client
      .generate(input, {
        signal: stop.signal,
        deadlineMs,
        idempotencyKey: idempotencyKey === undefined ? undefined : `${idempotencyKey}-${index}`,
      })
      .then(
        (result) => ({ index, input, status: 'fulfilled', result }),
        (reason: unknown) => ({ index, input, status: 'rejected', reason }),
      );
  const takeFirst = async (): Promise<BatchOutcome> => {
    const outcome = await Promise.race(underWay.values());
    signal?.throwIfAborted();
    underWay.delete(outcome.index);
    return outcome;
  };

  try {
    let index = 0;
    for await (const input of inputs) {
      if (underWay.size >= concurrency) yield await takeFirst();
      underWay.set(index, start(input, index));
      index++;
    }
    while (underWay.size > 0) yield await takeFirst();
  } finally {
    signal?.removeEventListener('abort', onAbort);
    stop.abort(signal?.reason);
    // Until their jobs are cancelled.
    await Promise.all(underWay.values());
  }
}
