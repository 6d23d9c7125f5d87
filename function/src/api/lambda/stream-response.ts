import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** What the Lambda runtime puts into the global scope of functions that stream. */
export interface LambdaStreaming {
  streamifyResponse<Event>(
    handler: (event: Event, stream: Writable, context: { getRemainingTimeInMillis(): number }) => Promise<void>,
  ): unknown;
  HttpResponseStream: {
    from(stream: Writable, metadata: { statusCode: number; headers: Record<string, string> }): Writable;
  };
}

/** Sends a response piece by piece; ends quietly when the reader leaves. */
export const streamResponse = async (
  response: Response,
  stream: Writable,
  { HttpResponseStream }: Pick<LambdaStreaming, 'HttpResponseStream'>,
): Promise<void> => {
  const headers = Object.fromEntries(response.headers);
  const output = HttpResponseStream.from(stream, { statusCode: response.status, headers });
  const source = response.body ?? new Response('').body;
  if (source === null) return void output.end();
  try {
    await pipeline(source, output);
  } catch (error) {
    if (!isClosedEarly(error)) throw error;
  }
};

const isClosedEarly = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
