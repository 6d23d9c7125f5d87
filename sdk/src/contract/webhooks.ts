import * as z from 'zod/mini';
import { timeSchema, unknownFields } from './checks.ts';

const error = 'webhook.url must be an http: or https: address without user name, password or fragment';

function isWebhookUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password, hash } = new URL(value);
  return (protocol === 'https:' || protocol === 'http:') && username === '' && password === '' && hash === '';
}

/** Where a job's end is announced. Servers may refuse addresses: `http:`, or those of a private network. */
export const webhookSchema = z.strictObject(
  {
    url: z
      .string(error)
      .check(z.maxLength(2000, 'webhook.url is longer than 2,000 characters'), z.refine(isWebhookUrl, error)),
  },
  unknownFields,
);
export type Webhook = z.infer<typeof webhookSchema>;

/**
 * The body of a webhook request, signed as Standard Webhooks say (https://www.standardwebhooks.com). It names the job and
 * no more: neither the prompt nor a URL that would expire. It may come more than once.
 */
export const webhookEventSchema = z.object({
  type: z.enum(['job.succeeded', 'job.failed', 'job.canceled']),
  /** When the job finished. */
  timestamp: timeSchema,
  data: z.object({ jobId: z.string() }),
});
export type WebhookEvent = z.infer<typeof webhookEventSchema>;
