import { UpdateCommand, type UpdateCommandInput } from '@aws-sdk/lib-dynamodb';
import { isConditionFailed, toServiceError } from '../../aws/service-error.ts';
import { runParallel } from '../../transfer/run-parallel.ts';
import { type SendWebhookOptions, sendWebhook } from '../../webhooks/send-webhook.ts';
import { toWebhookEvent } from '../../webhooks/webhook-event.ts';
import { nextWebhookTryMs } from '../../webhooks/webhook-schedule.ts';
import type { Logger } from '../logger.ts';
import { createJobIndexes } from './job-indexes.ts';
import { fromItem, type JobItem, jobPk, orderOf } from './job-item.ts';
import type { JobTableOptions } from './job-table.ts';

/** A message that a process took is left to it for this long, more than a try can take. */
const TAKEN_MS = 60_000;
/** Messages under way at a time: one slow receiver must not hold up the others. */
const PARALLEL = 8;
/** Messages that one round takes on. */
const MAX_MESSAGES = 200;

export interface DynamoWebhooksOptions extends JobTableOptions, Pick<SendWebhookOptions, 'sign' | 'now'> {
  random: () => number;
  logger: Logger;
  /** Replaced in tests. @defaultValue sendWebhook */
  send?: typeof sendWebhook;
}

/** Announces what the job store left to be announced: it says so in the job's own record. */
export const createDynamoWebhooks = (options: DynamoWebhooksOptions) => {
  const { client, tableName: TableName, sign, now, random, logger, send = sendWebhook } = options;
  const indexes = createJobIndexes(options);

  /** The job as it is afterwards; `undefined` when the condition did not hold. */
  const update = async (jobId: string, request: Omit<UpdateCommandInput, 'TableName' | 'Key'>) => {
    const command = new UpdateCommand({ TableName, Key: { pk: jobPk(jobId) }, ReturnValues: 'ALL_NEW', ...request });
    try {
      return (await client.send(command)).Attributes as JobItem;
    } catch (error) {
      if (isConditionFailed(error)) return undefined;
      throw toServiceError(error, 'DynamoDB');
    }
  };

  /** Of several processes one takes a message, and it takes only what is due. */
  const take = (jobId: string) =>
    update(jobId, {
      UpdateExpression: 'SET queueOrder = :taken ADD webhookTries :one',
      ConditionExpression: 'queueState = :announcing AND queueOrder < :due',
      ExpressionAttributeValues: {
        ':announcing': 'announcing',
        ':due': orderOf(now() + 1, ''),
        ':taken': orderOf(now() + TAKEN_MS, jobId),
        ':one': 1,
      },
    });
  const put = (jobId: string, taken: string | undefined, again: string | undefined) =>
    update(jobId, {
      UpdateExpression: again === undefined ? 'REMOVE queueState, queueOrder' : 'SET queueOrder = :again',
      ConditionExpression: 'queueOrder = :taken',
      ExpressionAttributeValues: { ':taken': taken, ...(again === undefined ? {} : { ':again': again }) },
    });

  const announce = async (jobId: string, signal: AbortSignal): Promise<void> => {
    const item = await take(jobId);
    const job = item === undefined ? undefined : fromItem(item);
    const event = job === undefined ? undefined : toWebhookEvent(job);
    if (item === undefined || job?.webhookUrl == null || event === undefined) return;
    const { webhookTries: tries = 1, queueOrder: taken } = item;
    const message = { url: job.webhookUrl, id: `job_${jobId}`, body: JSON.stringify(event) };
    const result = await send({ ...message, sign, allowsPrivate: false, now, signal });
    if (result.outcome === 'delivered') {
      await put(jobId, taken, undefined);
      return logger('info', 'webhook_delivered', { jobId, attempt: tries });
    }
    const pauseMs = result.outcome === 'refused' ? undefined : nextWebhookTryMs(tries, random);
    logger('warn', 'webhook_failed', { jobId, attempt: tries, reason: result.reason, retryAfterMs: pauseMs });
    await put(jobId, taken, pauseMs === undefined ? undefined : orderOf(Math.round(now() + pauseMs), jobId));
  };

  return {
    /** Announces one job's end, if that is due. */
    announce,
    /** Announces all that is due. @returns how many messages were taken on. */
    async announceDue(signal: AbortSignal): Promise<number> {
      const due = await indexes.listState('announcing', MAX_MESSAGES, now());
      await runParallel({
        items: due.map(({ id }) => id),
        concurrency: PARALLEL,
        signal,
        work: (id, context) => announce(id, context.signal),
      });
      return due.length;
    },
  };
};
