import { type ErrorData, errorDataSchema } from '@safelight/sdk/contract';
import { createTRPCClient, httpBatchStreamLink, httpLink, splitLink, TRPCClientError } from '@trpc/client';
import type { AppRouter } from '../../../function/src/api/router.ts';

/** A bare tRPC client, so that the API is tested without the SDK's comforts. */
export const createApiClient = (url: string, headers: Record<string, string> = {}) =>
  createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: ({ path }) => path === 'jobs.watch',
        true: httpBatchStreamLink({ url: `${url}/trpc`, headers, maxItems: 1 }),
        false: httpLink({ url: `${url}/trpc`, headers }),
      }),
    ],
  });
export type ApiClient = ReturnType<typeof createApiClient>;

/** What the server said about a call that must fail. */
export const failureOf = async (call: Promise<unknown>): Promise<ErrorData & { message: string }> => {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof TRPCClientError)) throw error;
    return { message: error.message, ...errorDataSchema.parse(error.data?.safelight) };
  }
  throw new Error('The call was expected to fail');
};
