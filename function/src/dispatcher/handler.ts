import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ECSClient } from '@aws-sdk/client-ecs';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createJsonLogger } from '../jobs/logger.ts';
import { readConfig } from './config.ts';
import { type Dispatcher, dispatch } from './dispatch.ts';
import { createEcsTasks } from './ecs-tasks.ts';
import { createFleetStateStore } from './fleet-state.ts';

/** What wakes the dispatcher: new jobs, from the jobs table's stream, or the clock. */
export interface DispatchEvent {
  readonly Records?: readonly unknown[];
}

let dispatcher: Dispatcher | undefined;

/** Lambda entry point. */
export async function handler(event: DispatchEvent): Promise<void> {
  dispatcher ??= createDispatcher();
  await dispatch(dispatcher, event.Records?.length ?? 0);
}

function createDispatcher(): Dispatcher {
  const { queueUrl, fleetTable, cluster, taskDefinition, taskFamily, spotProvider, onDemandProvider, policy } =
    readConfig();
  const sqs = new SQSClient({});
  const documents = DynamoDBDocumentClient.from(new DynamoDBClient({}), {
    marshallOptions: { removeUndefinedValues: true },
  });
  return {
    policy,
    state: createFleetStateStore(documents, fleetTable),
    tasks: createEcsTasks({
      ...{ client: new ECSClient({}), cluster, taskDefinition, taskFamily },
      providers: { spot: spotProvider, 'on-demand': onDemandProvider },
    }),
    countMessages: () => countMessages(sqs, queueUrl),
    logger: createJsonLogger((line) => process.stdout.write(line)),
    now: Date.now,
    newToken: randomUUID,
  };
}

async function countMessages(sqs: SQSClient, queueUrl: string) {
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  return {
    waitingMessages: Number(Attributes?.ApproximateNumberOfMessages ?? 0),
    takenMessages: Number(Attributes?.ApproximateNumberOfMessagesNotVisible ?? 0),
  };
}
