import { createDocumentClient } from '../../aws/clients.ts';
import { createDynamoKeyStore } from '../keys/dynamo-key-store.ts';
import { type AuthorizerEvent, type AuthorizerResult, createAuthorizer } from './authorizer-handler.ts';
import { readAuthorizerConfig } from './config.ts';
import { createPowerLogger } from './power-logger.ts';

let authorize: ReturnType<typeof createAuthorizer> | undefined;

/** Lambda entry point of the authorizer. */
export async function handler(event: AuthorizerEvent): Promise<AuthorizerResult> {
  authorize ??= start();
  return authorize(event);
}

function start() {
  const { keysTable } = readAuthorizerConfig();
  const keys = createDynamoKeyStore({ client: createDocumentClient(), tableName: keysTable });
  return createAuthorizer({ keys, logger: createPowerLogger('authorizer') });
}
