import { type DynamoDBDocumentClient, GetCommand, PutCommand, ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { isConditionFailed, toServiceError } from '../../aws/service-error.ts';
import { createApiKey, hashApiKey, type KeyLimits, keyLimitsSchema, ownerOfHash } from './api-key.ts';

/** A key, without its secret. */
export interface ApiKeyInfo {
  /** What its jobs and its usage are filed under; also names it in `keys revoke`. */
  owner: string;
  name: string;
  /** ISO 8601, UTC. */
  createdAt: string;
  revokedAt?: string | undefined;
  limits: KeyLimits;
}

export interface DynamoKeyStoreOptions {
  client: DynamoDBDocumentClient;
  tableName: string;
  now?: () => number;
  randomBytes?: (size: number) => Buffer;
}

export interface KeyStore {
  /** @returns the secret, which is not stored and cannot be shown again. */
  create(name: string, limits: KeyLimits): Promise<{ secret: string; key: ApiKeyInfo }>;
  /** The key with this secret, unless it was revoked. */
  find(secret: string): Promise<ApiKeyInfo | undefined>;
  /** All keys, revoked ones too, the oldest first. */
  list(): Promise<ApiKeyInfo[]>;
  /** @returns whether there is such a key; revoking twice is once. */
  revoke(owner: string): Promise<boolean>;
}

const toInfo = (item: Record<string, unknown>): ApiKeyInfo => ({
  owner: String(item.owner),
  name: String(item.name),
  createdAt: String(item.createdAt),
  ...(item.revokedAt === undefined ? {} : { revokedAt: String(item.revokedAt) }),
  limits: keyLimitsSchema.parse(item.limits),
});

const ask = async <Answer>(request: Promise<Answer>): Promise<Answer> => {
  try {
    return await request;
  } catch (error) {
    throw toServiceError(error, 'DynamoDB');
  }
};

/** API keys in DynamoDB, by the hash of their secret. */
export const createDynamoKeyStore = (options: DynamoKeyStoreOptions): KeyStore => {
  const { client, tableName: TableName, now = Date.now, randomBytes } = options;
  const time = () => new Date(now()).toISOString();

  async function* items(): AsyncGenerator<Record<string, unknown>> {
    let ExclusiveStartKey: Record<string, unknown> | undefined;
    do {
      const page = await ask(client.send(new ScanCommand({ TableName, ExclusiveStartKey })));
      yield* page.Items ?? [];
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey !== undefined);
  }

  return {
    async create(name, limits) {
      const secret = createApiKey(randomBytes);
      const hash = hashApiKey(secret);
      const key = { owner: ownerOfHash(hash), name, createdAt: time(), limits };
      const request = { TableName, Item: { pk: hash, ...key }, ConditionExpression: 'attribute_not_exists(pk)' };
      await ask(client.send(new PutCommand(request)));
      return { secret, key };
    },
    async find(secret) {
      const { Item } = await ask(client.send(new GetCommand({ TableName, Key: { pk: hashApiKey(secret) } })));
      return Item === undefined || Item.revokedAt !== undefined ? undefined : toInfo(Item);
    },
    async list() {
      const keys: ApiKeyInfo[] = [];
      for await (const item of items()) keys.push(toInfo(item));
      return keys.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
    },
    async revoke(owner) {
      for await (const item of items()) {
        if (item.owner !== owner) continue;
        const request = {
          TableName,
          Key: { pk: item.pk },
          UpdateExpression: 'SET revokedAt = :now',
          ConditionExpression: 'attribute_exists(pk) AND attribute_not_exists(revokedAt)',
          ExpressionAttributeValues: { ':now': time() },
        };
        await client.send(new UpdateCommand(request)).catch((error: unknown) => {
          if (!isConditionFailed(error)) throw toServiceError(error, 'DynamoDB');
        });
        return true;
      }
      return false;
    },
  };
};
