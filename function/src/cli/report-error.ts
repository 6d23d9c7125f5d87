import { SafelightError } from '@safelight/sdk';
import { FunctionError } from '../errors.ts';

/** What the command tells its caller; also in the README. */
export const exitCodes = { success: 0, failure: 1, wrongInput: 2, interrupted: 130 } as const;

/** The reason an interrupted command gives; see `interruptSignal`. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

export interface ErrorReport {
  code: string;
  message: string;
  field?: string;
  requestId?: string;
  exitCode: number;
}

/** What to say about an error, in one line. Only errors made for people are quoted. */
export function describeError(error: unknown): ErrorReport {
  if (error instanceof InterruptedError) {
    return { code: 'interrupted', message: error.message, exitCode: exitCodes.interrupted };
  }
  if (error instanceof FunctionError || SafelightError.isInstance(error)) {
    const { code, field } = error;
    const advice = code === 'connection_failed' ? '. Is a server running there? "safelight serve" starts one' : '';
    return {
      code,
      message: `${error.message}${advice}`,
      ...(field === undefined ? {} : { field }),
      ...('requestId' in error && error.requestId !== undefined ? { requestId: error.requestId } : {}),
      exitCode: code === 'invalid_input' || code === 'model_not_found' ? exitCodes.wrongInput : exitCodes.failure,
    };
  }
  const message = 'Something went wrong inside Safelight. Run again with SAFELIGHT_DEBUG=1 to see where.';
  return { code: 'internal', message, exitCode: exitCodes.failure };
}

/** Prints an error to standard error, for people or as one line of JSON, and returns the exit code. */
export function reportError(error: unknown, json: boolean): number {
  const { exitCode, ...report } = describeError(error);
  process.stderr.write(json ? `${JSON.stringify({ error: report })}\n` : `safelight: ${report.message}\n`);
  if (process.env.SAFELIGHT_DEBUG !== undefined) console.error(error);
  return exitCode;
}
