import type { Connection } from '../connection.ts';
import { procedures } from '../procedures.ts';
import { openScope, type Scope } from '../timing/scope.ts';

/** How long a caller who gave up is kept waiting for the cleaning up. */
const PATIENCE_MS = 5_000;
/** How long it goes on behind the caller's back: a submission that hangs for 30 s can still be answered and cancelled. */
const LIMIT_MS = 60_000;

/**
 * Cleans up after a caller who gave up: errors do not matter any more, and the caller's own signal has already aborted,
 * so the work gets a scope of its own.
 */
export async function cleanUp(connection: Connection, work: (scope: Scope) => Promise<unknown>): Promise<void> {
  const { clock } = connection;
  const scope = openScope({ clock, timeoutMs: LIMIT_MS });
  let stopTimer: (() => void) | undefined;
  const patience = new Promise<void>((resolve) => {
    stopTimer = clock.startTimer(PATIENCE_MS, resolve);
  });
  const cleaning = work(scope).then(
    () => scope.close(),
    () => scope.close(),
  );
  await Promise.race([cleaning, patience]);
  stopTimer?.();
}

/** Cancels a job nobody waits for any more. */
export function cancelQuietly(connection: Connection, jobId: string): Promise<void> {
  return cleanUp(connection, (scope) => connection.request(procedures.cancelJob(jobId), scope));
}
