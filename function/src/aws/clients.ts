import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** DynamoDB with the credentials and region of the environment. */
export const createDocumentClient = (): DynamoDBDocumentClient => DynamoDBDocumentClient.from(new DynamoDBClient({}));

/**
 * SQS with the credentials and region of the environment. Requests go to the region's address rather than to that in the
 * queue's URL, so that `AWS_ENDPOINT_URL_SQS` holds for them too.
 */
export const createQueueClient = (): SQSClient => new SQSClient({ useQueueUrlAsEndpoint: false });
