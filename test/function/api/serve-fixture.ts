import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Job } from '@safelight/sdk/contract';
import { type SafelightServer, type ServerOptions, startServer } from '../../../function/src/api/serve.ts';
import type { Engine } from '../../../function/src/engine.ts';
import { createFakeEngine } from '../jobs/fake-engine.ts';
import { createTemporaryFolder, type TemporaryFolder } from '../jobs/temporary-folder.ts';
import { type ApiClient, createApiClient } from './api-client.ts';

export interface Fixture extends AsyncDisposable {
  server: SafelightServer;
  api: ApiClient;
  log: string[];
  folder: TemporaryFolder;
}

export const serve = async (
  engine: Engine = createFakeEngine(),
  options: Partial<ServerOptions> = {},
): Promise<Fixture> => {
  const folder = await createTemporaryFolder();
  const log: string[] = [];
  const logger = (level: string, event: string, fields = {}) =>
    void log.push(JSON.stringify({ level, event, ...fields }));
  const server = await startServer({ engine, dataDir: folder.path, port: 0, logger, ...options }).catch(
    async (error: unknown) => {
      await folder[Symbol.asyncDispose]();
      throw error;
    },
  );
  return {
    server,
    api: createApiClient(server.url),
    log,
    folder,
    async [Symbol.asyncDispose]() {
      await server.close();
      await folder[Symbol.asyncDispose]();
    },
  };
};

let keyCount = 0;
export const newKey = () => `key-number-${keyCount++}`;

export const watchAll = async (api: ApiClient, jobId: string): Promise<Job[]> => {
  const seen: Job[] = [];
  for await (const job of api.watchJob({ jobId })) seen.push(job);
  return seen;
};

export const finish = async (api: ApiClient, jobId: string): Promise<Job> => {
  const job = (await watchAll(api, jobId)).at(-1);
  assert.ok(job);
  return job;
};

/** A raw request, since fetch chooses some headers itself. */
export const rawGet = async (url: string, headers: Record<string, string>, method = 'GET') => {
  const request = httpRequest(url, { headers, method }).end();
  const [response] = await once(request, 'response');
  return { status: response.statusCode as number, headers: response.headers, body: await text(response) };
};
