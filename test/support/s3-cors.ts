/** What browsers ask before pages of another address use a bucket: https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** As a template has it. */
export interface CorsRule {
  AllowedOrigins: string[];
  AllowedMethods: string[];
  AllowedHeaders?: string[];
}

/**
 * Adds what S3 adds, which is nothing at all where no origin is named: such an answer is no good to scripts afterwards.
 * @returns whether the request was a preflight, and is answered.
 */
export function answerCors(rules: readonly CorsRule[], { method, headers }: IncomingMessage, response: ServerResponse) {
  const { origin } = headers;
  if (origin === undefined) return false;
  const isPreflight = method === 'OPTIONS';
  const asked = isPreflight ? headers['access-control-request-method'] : method;
  const rule = rules.find(
    ({ AllowedOrigins, AllowedMethods }) => AllowedOrigins.includes(origin) && AllowedMethods.includes(asked ?? ''),
  );
  if (rule !== undefined) {
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-allow-methods', rule.AllowedMethods.join(', '));
    response.setHeader('vary', 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method');
    if (rule.AllowedHeaders?.includes('*') === true)
      response.setHeader('access-control-allow-headers', headers['access-control-request-headers'] ?? '');
  }
  if (isPreflight) response.writeHead(rule === undefined ? 403 : 200).end();
  return isPreflight;
}
