import type { ErrorCode } from '@safelight/sdk/contract';
import { httpStatusOf, toPublicError } from '../../error-wire.ts';
import { withNames } from '../compat-input.ts';

/** OpenAI's names of the contract's fields, where they differ. */
const FIELD_NAMES: Readonly<Record<string, string>> = {
  count: 'n',
  format: 'output_format',
  initImage: 'image',
  negativePrompt: 'negative_prompt',
  guidanceScale: 'guidance_scale',
  idempotencyKey: 'Idempotency-Key',
};

/** OpenAI's words for kinds of errors; the others are `invalid_request_error` or `server_error` by their status. */
const KINDS: Partial<Record<ErrorCode, { type: string; code: string }>> = {
  unauthorized: { type: 'invalid_request_error', code: 'invalid_api_key' },
  model_not_found: { type: 'invalid_request_error', code: 'model_not_found' },
  rate_limited: { type: 'requests', code: 'rate_limit_exceeded' },
  quota_exceeded: { type: 'insufficient_quota', code: 'insufficient_quota' },
};

/** An error as OpenAI's clients read it: they make their own error classes of it, and retry what says so. */
export const toOpenAiError = (error: unknown): Response => {
  const { code, message, field, isRetryable, retryAfterSeconds } = withNames(toPublicError(error), FIELD_NAMES);
  const status = httpStatusOf(code);
  const kind = KINDS[code] ?? { type: status < 500 ? 'invalid_request_error' : 'server_error', code };
  const headers = new Headers({
    // Their clients would retry a conflict, and not every 5xx is worth it.
    'x-should-retry': String(isRetryable),
  });
  if (retryAfterSeconds !== undefined) headers.set('retry-after', String(retryAfterSeconds));
  if (status === 401) headers.set('www-authenticate', 'Bearer');
  return Response.json(
    { error: { message, type: kind.type, param: field ?? null, code: kind.code } },
    { status, headers },
  );
};
