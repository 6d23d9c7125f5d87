import { exitCodes, InterruptedError } from './report-error.ts';

/**
 * A signal that the first Ctrl-C (or SIGTERM) aborts, so that the command can stop cleanly; the second ends the process
 * at once.
 * @param message What the command then says.
 */
export function interruptSignal(message = 'Interrupted: nothing was written.'): AbortSignal {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort(new InterruptedError(message));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return controller.signal;
}
