import { createHash } from 'node:crypto';
import type { ParsedGenerateInput } from '@safelight/sdk/contract';

/** SHA-256, hexadecimal, of the input as JSON with sorted keys: equal for equal requests, however they were written. */
export const hashInput = (input: ParsedGenerateInput & { webhookUrl?: string }): string => {
  const entries = Object.entries(input)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(entries)).digest('hex');
};
