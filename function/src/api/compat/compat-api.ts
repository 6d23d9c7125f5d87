import { Hono } from 'hono';
import { FunctionError } from '../../errors.ts';
import type { ApiContext } from '../api-context.ts';

/** What a compatible API's routes find beside the request. */
export interface CompatEnv {
  Bindings: { context: ApiContext };
}

/** An API that other programs know already, on top of the services of our own. */
export interface CompatApi {
  /** Where its paths begin, with a slash at both ends. */
  readonly prefix: string;
  readonly app: Hono<CompatEnv>;
  /** Finds the API key where this API's clients put it. @returns an `authorization` header with a bearer key. */
  readAuthorization(authorization: string | undefined): string | undefined;
  /** An error as this API's clients read it. */
  toErrorResponse(error: unknown): Response;
}

/** Routes whose errors, unknown paths among them, reach whoever called `fetch`. */
export const createRoutes = (prefix: string): Hono<CompatEnv> => {
  const app = new Hono<CompatEnv>().basePath(prefix);
  app.notFound(() => {
    throw new FunctionError('not_found', 'There is nothing at this path, or not for this method');
  });
  app.onError((error) => {
    throw error;
  });
  return app;
};
