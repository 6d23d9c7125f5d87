import { type CallOptions, checkDuration } from './call-options.ts';
import { TimeoutError } from './errors/timeout-error.ts';
import type { ResolvedOptions } from './options.ts';
import type { Clock } from './timing/clock.ts';
import { openScope, type Scope } from './timing/scope.ts';
import { withRetries } from './transport/retry.ts';
import { createTransport, type ProcedureCall, type Transport } from './transport/transport.ts';

/** What a scope's deadline error can name. */
export interface ScopeSubject {
  jobId?: string | undefined;
}

/** An endpoint together with the policy of talking to it: what everything above the transport is made from. */
export interface Connection {
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly transport: Transport;
  /** One call with its retries. */
  request<Output>(procedure: ProcedureCall<Output>, scope: Scope): Promise<Output>;
  /**
   * Runs a call of the public API under its signal and deadline.
   * @param subject - read when the deadline passes, so the job may be filled in once it is known.
   */
  run<Result>(options: CallOptions, work: (scope: Scope) => Promise<Result>, subject?: ScopeSubject): Promise<Result>;
  /** The scope that `run` makes, for work that is not one promise: close it in `finally`. */
  openScope(options: CallOptions, subject?: ScopeSubject): Scope;
}

/** Ties options, clock and transport together. */
export function createConnection(options: ResolvedOptions, clock: Clock): Connection {
  const transport = createTransport({ ...options, clock });

  const open = ({ signal, deadlineMs }: CallOptions, subject: ScopeSubject = {}): Scope => {
    checkDuration('deadlineMs', deadlineMs);
    signal?.throwIfAborted();
    return openScope({
      clock,
      parents: [signal],
      timeoutMs: deadlineMs,
      timeoutError: () => deadlineError(deadlineMs ?? Infinity, subject.jobId),
    });
  };

  return {
    options,
    clock,
    transport,
    openScope: open,
    request: (procedure, scope) =>
      withRetries(() => transport.call(procedure, scope.signal), { clock, scope, maxRetries: options.maxRetries }),
    async run(callOptions, work, subject) {
      const scope = open(callOptions, subject);
      try {
        return await work(scope);
      } finally {
        scope.close();
      }
    },
  };
}

function deadlineError(deadlineMs: number, jobId: string | undefined): TimeoutError {
  const job = jobId === undefined ? '' : ` (job ${jobId})`;
  return new TimeoutError(`Not done within the deadline of ${deadlineMs} ms${job}`, {
    code: 'deadline_exceeded',
    jobId,
  });
}
