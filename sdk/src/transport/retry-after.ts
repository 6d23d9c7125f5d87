/**
 * Reads a `Retry-After` header: seconds or an HTTP date (RFC 9110, 10.2.3), in milliseconds from now; 0 means at once.
 * A date is compared with the server's own `Date` where it is sent, so that a wrong clock here does no harm.
 */
export function parseRetryAfter(headers: Headers, nowMs: number): number | undefined {
  const value = headers.get('retry-after')?.trim();
  if (value === undefined || value === '') return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  const retryAt = Date.parse(value);
  if (Number.isNaN(retryAt)) return undefined;
  const serverNow = Date.parse(headers.get('date') ?? '');
  return Math.max(0, retryAt - (Number.isNaN(serverNow) ? nowMs : serverNow));
}
