import type { AnyRouter } from '@trpc/server';
import { describeError, type Logger } from '../jobs/logger.ts';
import { isUnexpected } from './error-wire.ts';

export const TRPC_ENDPOINT = '/trpc';
export const TRPC_PATH_PREFIX = `${TRPC_ENDPOINT}/`;

/** The procedure that a path names, if there is one; else a word for the rest: paths are the caller's text. */
export const procedureOf = (router: AnyRouter, pathname: string): string => {
  const path = pathname.startsWith(TRPC_PATH_PREFIX) ? pathname.slice(TRPC_PATH_PREFIX.length) : '';
  return Object.hasOwn(router._def.procedures, path) ? path : 'other';
};

const privateTextsOf = (input: unknown): string[] =>
  typeof input === 'object' && input !== null ? Object.values(input).filter((value) => typeof value === 'string') : [];

/** Logs an error that callers are told nothing of, with its stack, less the texts of the input. */
export const logUnexpected = (logger: Logger, requestId: string, error: unknown, input?: unknown): void => {
  if (!isUnexpected(error)) return;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  logger('error', 'request_failed', { requestId, ...describeError(cause, privateTextsOf(input)) });
};
