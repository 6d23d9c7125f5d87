import { exitCodes, InterruptedError } from './report-error.ts';

/**
 * A signal that the first Ctrl-C (or SIGTERM) aborts, so that the command can stop cleanly; the second ends the process
 * at once.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort(new InterruptedError('interrupted'));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return controller.signal;
}
