import type { Logger } from '../../jobs/logger.ts';
import { describeError } from '../../jobs/logger.ts';
import { bearerKeyOf } from '../keys/api-key.ts';
import type { KeyStore } from '../keys/dynamo-key-store.ts';
import { toAuthorizerContext } from './authorizer-context.ts';

/** What an HTTP API asks its authorizer: payload format 2.0, the parts that are used. */
export interface AuthorizerEvent {
  headers?: Readonly<Record<string, string | undefined>>;
}

export interface AuthorizerResult {
  isAuthorized: boolean;
  context?: { owner: string; limits: string };
}

/** Lets callers in who have a key. API Gateway remembers the answer per key for as long as the deployment says. */
export const createAuthorizer =
  ({ keys, logger }: { keys: Pick<KeyStore, 'find'>; logger: Logger }) =>
  async (event: AuthorizerEvent): Promise<AuthorizerResult> => {
    const secret = bearerKeyOf(event.headers?.authorization);
    if (secret === undefined) return { isAuthorized: false };
    try {
      const key = await keys.find(secret);
      if (key === undefined) return { isAuthorized: false };
      return { isAuthorized: true, context: toAuthorizerContext(key.owner, key.limits) };
    } catch (error) {
      // Thrown on, so that callers get a 500 that may pass rather than be told that their key is wrong.
      logger('error', 'authorizer_failed', describeError(error, [secret]));
      throw error;
    }
  };
