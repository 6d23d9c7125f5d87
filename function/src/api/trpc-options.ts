import type { TRPCError } from '@trpc/server';
import { toErrorShape } from './error-wire.ts';

/** Silence on a stream that proxies and clients may take for a broken connection is broken this often. */
const STREAM_PING_MS = 10_000;

/** What all routers have in common. */
export const trpcOptions = {
  // Never stacks, whatever NODE_ENV says.
  isDev: false,
  sse: { ping: { enabled: true, intervalMs: STREAM_PING_MS } },
  errorFormatter: ({ error, ctx }: { error: TRPCError; ctx?: { requestId: string } | undefined }) =>
    toErrorShape(error, ctx?.requestId ?? 'unknown'),
};
