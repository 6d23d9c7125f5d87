import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openBundle } from '../../../function/src/bundle/open-bundle.ts';
import { FunctionError } from '../../../function/src/errors.ts';
import { type PullBundleParams, pullBundle } from '../../../function/src/transfer/pull-bundle.ts';
import { temporaryFolder } from '../../support/embedded-model.ts';
import { type S3Request, type S3Server, startS3Server } from '../../support/s3-server.ts';
import { makeTestBundle, storeBundle, type TestBundle } from './test-bundle.ts';

interface Setup {
  server: S3Server;
  bundle: TestBundle;
  folder: string;
  pull(params?: Partial<PullBundleParams>): ReturnType<typeof pullBundle>;
}

/** A server that has a small bundle, and a pull of it into a folder that is not there yet. */
export async function setUp(t: TestContext): Promise<Setup> {
  const server = await startS3Server();
  t.after(() => server.close());
  const bundle = await makeTestBundle();
  storeBundle(server, bundle);
  const folder = join(await temporaryFolder(t), 'models', 'v1');
  const client = server.client();
  const defaults = { client, bucket: 'models', prefix: 'v1', folder, retryDelayMs: 1 };
  return { server, bundle, folder, pull: (params = {}) => pullBundle({ ...defaults, ...params }) };
}

/** Requests for a file of the bundle. */
export const isFile = (name: string) => (request: S3Request) =>
  request.method === 'GET' && request.key === `v1/${name}`;
export const isRanged = (request: S3Request) => request.range !== undefined;

/** Fails unless the folder holds the bundle, to the byte, and nothing else. */
export async function assertWhole(folder: string, { files }: TestBundle): Promise<void> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.'));
  assert.deepEqual(names.sort(), [...files.keys(), 'manifest.json'].sort());
  for (const [name, data] of files) assert.ok(data.equals(await readFile(join(folder, name))), name);
  await openBundle(folder);
}

/** That an error has this code and message, and tells no secret. */
export function rejectsWith(code: string, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof FunctionError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.doesNotMatch(`${error.message} ${error.cause}`, /AKIA|secret|X-Amz|Signature=/);
    return true;
  };
}
