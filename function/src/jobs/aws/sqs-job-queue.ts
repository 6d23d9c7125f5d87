import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { QUEUE } from '../../aws/environment.ts';
import { toServiceError } from '../../aws/service-error.ts';
import type { JobMessage, JobQueue } from '../job-queue.ts';
import type { Logger } from '../logger.ts';

export interface SqsJobQueueOptions {
  client: SQSClient;
  queueUrl: string;
  /** Needed to receive. */
  deadLetterQueueUrl?: string;
  logger: Logger;
  now?: () => number;
  /** How long one request waits for a message: also how long it takes to stop waiting. @defaultValue 10 */
  waitSeconds?: number;
  /** Shortest time between two extensions of one message. @defaultValue 20 */
  heartbeatSeconds?: number;
}

/** SQS knows no longer time. */
const MAX_VISIBILITY_SECONDS = 43_200;
/** The message was delivered again, or is done: the lease decides who works, so this is nobody's trouble. */
const STALE_RECEIPT = ['ReceiptHandleIsInvalid', 'MessageNotInflight', 'InvalidParameterValue'];

const bodyOf = (jobId: string): string => JSON.stringify({ jobId });

const jobIdOf = ({ Body = '' }: Message): string | undefined => {
  try {
    const { jobId } = JSON.parse(Body) as { jobId?: unknown };
    return typeof jobId === 'string' ? jobId : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Jobs in SQS. A message stays with its worker while it is extended; without a word for the queue's visibility time, it
 * is delivered again.
 */
export const createSqsJobQueue = (options: SqsJobQueueOptions): JobQueue => {
  const { client, queueUrl, deadLetterQueueUrl, logger, now = Date.now } = options;
  const { waitSeconds = 10, heartbeatSeconds = QUEUE.heartbeatSeconds } = options;
  /** When each message in work was received or extended, by receipt. */
  const extendedAt = new Map<string, number>();

  const ask = async <Answer>(request: Promise<Answer>): Promise<Answer> => {
    try {
      return await request;
    } catch (error) {
      throw toServiceError(error, 'SQS');
    }
  };
  const aboutMessage = async (request: Promise<unknown>): Promise<void> => {
    try {
      await request;
    } catch (error) {
      if (!(error instanceof Error && STALE_RECEIPT.includes(error.name))) throw toServiceError(error, 'SQS');
    }
  };

  const setVisibility = (receipt: string, seconds: number): Promise<void> => {
    const VisibilityTimeout = Math.min(MAX_VISIBILITY_SECONDS, Math.max(0, Math.ceil(seconds)));
    const request = { QueueUrl: queueUrl, ReceiptHandle: receipt, VisibilityTimeout };
    return aboutMessage(client.send(new ChangeMessageVisibilityCommand(request)));
  };
  const remove = (receipt: string): Promise<void> => {
    extendedAt.delete(receipt);
    return aboutMessage(client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: receipt })));
  };
  const putAside = async (body: string, receipt: string): Promise<void> => {
    await ask(client.send(new SendMessageCommand({ QueueUrl: deadLetterQueueUrl, MessageBody: body })));
    await remove(receipt);
  };

  /** One request. It is never cut off: a message that was on its way to us would be invisible until its time is over. */
  const poll = async (seconds: number): Promise<JobMessage | undefined> => {
    const request = { QueueUrl: queueUrl, MaxNumberOfMessages: 1, WaitTimeSeconds: seconds };
    const message = (await ask(client.send(new ReceiveMessageCommand(request)))).Messages?.[0];
    if (message?.ReceiptHandle === undefined) return undefined;
    const jobId = jobIdOf(message);
    if (jobId !== undefined) {
      extendedAt.set(message.ReceiptHandle, now());
      return { jobId, receipt: message.ReceiptHandle };
    }
    logger('error', 'message_unreadable', { messageId: message.MessageId });
    await putAside(message.Body ?? '', message.ReceiptHandle);
    return undefined;
  };

  const release: JobQueue['release'] = ({ receipt }, delaySeconds) => {
    extendedAt.delete(receipt);
    return setVisibility(receipt, delaySeconds);
  };

  return {
    send: async (jobId) =>
      void (await ask(client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: bodyOf(jobId) })))),
    async receive(signal) {
      for (;;) {
        signal.throwIfAborted();
        const message = await poll(waitSeconds);
        if (message === undefined) continue;
        if (signal.aborted) await release(message, 0);
        signal.throwIfAborted();
        return message;
      }
    },
    receiveNow: () => poll(0),
    async extend({ receipt }, seconds) {
      // Leases are extended far more often, to see a cancel soon: SQS need not hear of each time.
      const time = now();
      if (time - (extendedAt.get(receipt) ?? 0) < heartbeatSeconds * 1000) return;
      extendedAt.set(receipt, time);
      await setVisibility(receipt, Math.max(seconds, QUEUE.visibilitySeconds));
    },
    release,
    done: ({ receipt }) => remove(receipt),
    bury: ({ jobId, receipt }) => putAside(bodyOf(jobId), receipt),
  };
};
