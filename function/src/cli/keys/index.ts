import type { Command } from 'commander';
import type { KeyStore } from '../../api/keys/dynamo-key-store.ts';
import { FunctionError } from '../../errors.ts';
import type { CliConfig } from '../config.ts';
import { addCreateKeyCommand } from './create.ts';
import { addListKeysCommand } from './list.ts';
import { addRevokeKeyCommand } from './revoke.ts';

/** Works with the keys of the deployment that the command is about. */
export type UseKeys = <Result>(work: (keys: KeyStore) => Promise<Result>) => Promise<Result>;

export function addKeysCommand(program: Command, config: CliConfig): void {
  const keys = program
    .command('keys')
    .description('API keys of an endpoint on AWS')
    .option(
      '--table <name>',
      'the DynamoDB table of keys, as the deployment printed it (default: SAFELIGHT_KEYS_TABLE)',
    );
  const useKeys: UseKeys = async (work) => {
    const tableName = keys.opts<{ table?: string }>().table ?? config.keysTable;
    const store = await open(tableName);
    return await work(store).catch((error: unknown) => {
      throw explain(error, tableName);
    });
  };
  addCreateKeyCommand(keys, useKeys);
  addListKeysCommand(keys, useKeys);
  addRevokeKeyCommand(keys, useKeys);
}

async function open(tableName: string | undefined): Promise<KeyStore> {
  if (tableName === undefined) {
    const message = 'Say which table holds the keys: --table <name>, or set SAFELIGHT_KEYS_TABLE';
    throw new FunctionError('invalid_input', message, { field: 'table' });
  }
  // The SDK warns users of Node 20 of a version to come; the one that is installed supports it.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const [{ createDocumentClient }, { createDynamoKeyStore }] = await Promise.all([
    import('../../aws/clients.ts'),
    import('../../api/keys/dynamo-key-store.ts'),
  ]);
  return createDynamoKeyStore({ client: createDocumentClient(), tableName });
}

function explain(error: unknown, tableName: string | undefined): unknown {
  const { name, message: text } = error as Error;
  if (text === 'Region is missing') {
    return new FunctionError('invalid_input', 'Say which region the endpoint is in: set AWS_REGION');
  }
  if (name === 'ResourceNotFoundException') {
    const message = `There is no table ${tableName} in this account and region: check --table and AWS_REGION`;
    return new FunctionError('not_found', message);
  }
  if (name === 'AccessDeniedException') {
    return new FunctionError('forbidden', `These credentials may not use the table ${tableName}`);
  }
  if (['CredentialsProviderError', 'UnrecognizedClientException', 'ExpiredTokenException'].includes(name)) {
    return new FunctionError('unauthorized', 'No valid AWS credentials: run "aws sso login", or set AWS_PROFILE');
  }
  return error;
}
