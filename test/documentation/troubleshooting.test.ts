/** docs/troubleshooting.md has an entry for every code that callers can meet, and says what is true of each. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ClientErrorCode } from '@safelight/sdk';
import { type ErrorCode, errorCodeSchema } from '@safelight/sdk/contract';
import { httpStatusOf } from '../../function/src/api/error-wire.ts';
import { errorFromServer } from '../../sdk/src/errors/from-server.ts';
import { root } from './markdown.ts';

const clientCodes: Record<ClientErrorCode, string> = {
  connection_failed: 'ConnectionError',
  request_timeout: 'TimeoutError',
  deadline_exceeded: 'TimeoutError',
  invalid_response: 'InvalidResponseError',
  invalid_webhook: 'InvalidWebhookError',
};

/** What an entry begins with. A cancelled job has a class of its own. */
function openingOf(code: ErrorCode): string {
  const status = httpStatusOf(code);
  const { name } = errorFromServer({ path: 'jobs.get', status, data: { code, isRetryable: false, requestId: 'r' } });
  return `Status ${status}, \`${code === 'canceled' ? 'JobCanceledError' : name}\`.`;
}

test('docs/troubleshooting.md has an entry for every code, with its status and class, and no other', async () => {
  const page = await readFile(join(root, 'docs/troubleshooting.md'), 'utf8');
  const entries = new Map(
    [...page.matchAll(/^### `(\w+)`\n\n(.+)$/gm)].map(([, code = '', text = '']) => [code, text] as const),
  );
  assert.deepEqual([...entries.keys()].sort(), [...errorCodeSchema.options, ...Object.keys(clientCodes)].sort());
  for (const code of errorCodeSchema.options) assert.ok(entries.get(code)?.startsWith(openingOf(code)), code);
  for (const [code, name] of Object.entries(clientCodes)) {
    assert.ok(entries.get(code)?.startsWith(`\`${name}\`.`), code);
  }
});
