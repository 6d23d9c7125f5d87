import { createDynamoJobStore } from '../../../function/src/jobs/aws/dynamo-job-store.ts';
import { createChangeNotifier } from '../../../function/src/jobs/change-notifier.ts';
import { createJobIdSource } from '../../../function/src/jobs/job-id.ts';
import { startDynamo } from '../../support/aws/dynamodb.ts';
import { describeJobStore, type JobStoreFixture } from './job-store-contract.ts';

const createFixture = async (): Promise<JobStoreFixture> => {
  const dynamo = await startDynamo();
  let time = 1_700_000_000_000;
  const store = createDynamoJobStore({
    client: dynamo.client(),
    tableName: 'jobs',
    notifier: createChangeNotifier(),
    newJobId: createJobIdSource({ now: () => time }),
    now: () => time,
    maxQueued: 20,
    retentionDays: 90,
  });
  return {
    store,
    maxQueued: 20,
    advance: (milliseconds) => {
      time += milliseconds;
    },
    [Symbol.asyncDispose]: () => dynamo[Symbol.asyncDispose](),
  };
};

describeJobStore('DynamoDB', createFixture);
