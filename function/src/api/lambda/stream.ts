import { S3Client } from '@aws-sdk/client-s3';
import { createDocumentClient } from '../../aws/clients.ts';
import { createDynamoKeyStore } from '../keys/dynamo-key-store.ts';
import { readStreamConfig } from './config.ts';
import type { HttpEvent } from './http-event.ts';
import { createPowerLogger } from './power-logger.ts';
import { createWatchServices } from './services.ts';
import { createStreamHandler } from './stream-handler.ts';
import { type LambdaStreaming, streamResponse } from './stream-response.ts';

declare const awslambda: LambdaStreaming;

let answer: ReturnType<typeof createStreamHandler> | undefined;

/** Lambda entry point of `jobs.watch`. */
export const handler = awslambda.streamifyResponse<HttpEvent>(async (event, stream, context) => {
  answer ??= start();
  const { response, close } = await answer(event, context.getRemainingTimeInMillis());
  try {
    await streamResponse(response, stream, awslambda);
  } finally {
    close();
  }
});

function start() {
  const config = readStreamConfig();
  const logger = createPowerLogger('stream');
  const dynamo = createDocumentClient();
  const keys = createDynamoKeyStore({ client: dynamo, tableName: config.keysTable });
  return createStreamHandler({ ...createWatchServices({ dynamo, s3: new S3Client({}) }, config), keys, logger });
}
