import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FunctionError } from '../../../function/src/errors.ts';
import { type DownloadFromHubParams, downloadFromHub } from '../../../function/src/transfer/download-from-hub.ts';
import { listHubFiles } from '../../../function/src/transfer/list-hub-files.ts';
import type { TransferProgress } from '../../../function/src/transfer/progress.ts';
import { publishedCheckpoints } from '../../../function/src/transfer/published-checkpoints.ts';
import { temporaryFolder } from '../../support/embedded-model.ts';
import { COMMIT, cutAfter, startHubServer, TOKEN } from './hub-server.ts';
import { noise, sha256 } from './test-bundle.ts';

const FILE = 'model.ckpt';
const data = noise(300_000, 5);

async function setUp(t: TestContext) {
  const config = Buffer.from('{"sample_size":64}\n');
  const server = await startHubServer({ [FILE]: data, 'unet/config.json': config, 'empty.ckpt': Buffer.alloc(0) });
  t.after(() => server.close());
  const folder = await temporaryFolder(t);
  const defaults = { repository: 'open/model', file: FILE, folder, endpoint: server.endpoint, retryDelayMs: 1 };
  const download = (params: Partial<DownloadFromHubParams> = {}) => downloadFromHub({ ...defaults, ...params });
  return { server, folder, config, download };
}

function rejectsWith(code: string, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof FunctionError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.doesNotMatch(`${error.message} ${error.cause}`, /hf_a_token|X-Amz-Signature/);
    return true;
  };
}

describe('downloading from the hub', () => {
  test('brings the file, checked against what the hub says of it', async (t) => {
    const { folder, download } = await setUp(t);
    const seen: TransferProgress[] = [];
    const { path, bytes, checksum, commit } = await download({ onProgress: (progress) => seen.push(progress) });
    assert.ok(data.equals(await readFile(path)));
    assert.deepEqual([bytes, commit], [data.length, COMMIT]);
    assert.deepEqual(checksum, { algorithm: 'sha256', hex: sha256(data) });
    assert.equal(seen.at(-1)?.transferredBytes, data.length);
    assert.deepEqual(await readdir(folder), [FILE]);
  });

  test('the token goes to the hub and to no other host', async (t) => {
    const { server, download } = await setUp(t);
    await download({ repository: 'gated/model', token: TOKEN });
    assert.equal(server.fileRequests.length, 1);
    assert.equal(server.fileRequests[0]?.authorization, undefined);
  });

  test('small files, in folders, are checked by git’s checksum; an empty file is a file', async (t) => {
    const { folder, config, download } = await setUp(t);
    const { checksum } = await download({ file: 'unet/config.json' });
    assert.equal(checksum.algorithm, 'git-sha1');
    assert.ok(config.equals(await readFile(join(folder, 'unet', 'config.json'))));
    assert.equal((await download({ file: 'empty.ckpt' })).bytes, 0);
  });

  test('a file that is there and right is not fetched again; a damaged one is', async (t) => {
    const { server, folder, download } = await setUp(t);
    await download();
    await download();
    assert.equal(server.fileRequests.length, 1);
    await writeFile(join(folder, FILE), Buffer.alloc(data.length));
    const { path } = await download();
    assert.ok(data.equals(await readFile(path)));
  });

  test('a renamed repository is followed', async (t) => {
    const { download } = await setUp(t);
    assert.equal((await download({ repository: 'old/name' })).bytes, data.length);
  });

  test('goes on after connections that break, 503 and a server that knows no ranges', async (t) => {
    const { server, download } = await setUp(t);
    server.next.push(
      cutAfter(100_000),
      (_request, response) => void response.writeHead(503).end(),
      cutAfter(50_000),
      (_request, response) => void response.writeHead(200, { 'content-length': data.length }).end(data),
    );
    const { path } = await download();
    assert.ok(data.equals(await readFile(path)));
    // Of what was sent before a cut, some may not have arrived: it goes on from what did.
    const starts = server.fileRequests.map(({ range }) => Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1]));
    const [first = -1, second = -1, third = -1, fourth = -1] = starts;
    assert.equal(starts.length, 4);
    assert.equal(first, 0);
    assert.ok(second > 0 && second <= 100_000, `${starts}`);
    assert.equal(third, second);
    assert.ok(fourth > third && fourth <= third + 50_000, `${starts}`);
  });

  test('goes on after Ctrl-C where it stopped', async (t) => {
    const { server, folder, download } = await setUp(t);
    server.next.push((_request, response) => void response.writeHead(206).write(data.subarray(0, 200_000)));
    const controller = new AbortController();
    const reason = new Error('Ctrl-C');
    const onProgress = () => void setTimeout(() => controller.abort(reason), 50);
    await assert.rejects(download({ signal: controller.signal, onProgress }), (error: unknown) => error === reason);
    assert.deepEqual(await readdir(folder), [`${FILE}.${sha256(data).slice(0, 12)}.part`]);
    const seen: TransferProgress[] = [];
    await download({ onProgress: (progress) => seen.push(progress) });
    const reused = seen.at(-1)?.reusedBytes ?? 0;
    assert.ok(reused > 0 && reused <= 200_000, `${reused}`);
    assert.deepEqual(await readdir(folder), [FILE]);
  });

  test('gives up where nothing comes', async (t) => {
    const { server, download } = await setUp(t);
    for (let i = 0; i < 3; i += 1) server.next.push(() => undefined);
    const broken = rejectsWith('unavailable', /broke off: run it again/);
    await assert.rejects(download({ tries: 2, stallTimeoutMs: 50 }), broken);
    await server.close();
    await assert.rejects(download({ tries: 2 }), rejectsWith('unavailable', /cannot be reached/));
  });

  test('keeps nothing of a file that arrived damaged', async (t) => {
    const { server, folder, download } = await setUp(t);
    server.next.push((_request, response) => void response.writeHead(206).end(Buffer.alloc(data.length)));
    const expected =
      /model\.ckpt in open\/model arrived damaged: its sha256 is [0-9a-f]{64}, it should be [0-9a-f]{64}/;
    await assert.rejects(download(), rejectsWith('model_corrupt', expected));
    assert.deepEqual(await readdir(folder), []);
  });

  test('refuses a file that is not the one we know', async (t) => {
    const { server, download } = await setUp(t);
    const expectedSha256 = publishedCheckpoints['v1-4'].sha256;
    await assert.rejects(download({ expectedSha256 }), rejectsWith('model_corrupt', /it has been replaced/));
    assert.equal(server.fileRequests.length, 0);
  });

  test('says what to do: accept a licence, set HF_TOKEN, correct a name, make room', async (t) => {
    const { download } = await setUp(t);
    const consent = /accept the licence at https:\/\/huggingface\.co\/gated\/model, .*HF_TOKEN/;
    await assert.rejects(download({ repository: 'gated/model' }), rejectsWith('forbidden', consent));
    await assert.rejects(
      download({ repository: 'private/model' }),
      rejectsWith('unauthorized', /no public repository private\/model/),
    );
    await assert.rejects(
      download({ repository: 'private/model', token: 'x' }),
      rejectsWith('unauthorized', /refuses the token/),
    );
    await assert.rejects(download({ file: 'other.ckpt' }), rejectsWith('not_found', /no other\.ckpt in open\/model/));
    await assert.rejects(download({ revision: 'v9' }), rejectsWith('not_found', /model\.ckpt in open\/model at v9/));
    await assert.rejects(download({ freeBytes: async () => 10 }), rejectsWith('storage_full', /make room/));
  });

  test('takes no path that leaves the folder, and no repository that is none', async (t) => {
    const { download } = await setUp(t);
    for (const file of ['../x', 'a/../../x', '/etc/passwd', '', 'a\\..\\x']) {
      await assert.rejects(download({ file }), rejectsWith('invalid_input', /path inside the repository/));
    }
    for (const repository of ['', 'a/b/c', '../x', 'https://huggingface.co/a/b']) {
      await assert.rejects(download({ repository }), rejectsWith('invalid_input', /owner\/name/));
    }
  });

  test('does not share a file with a process that is downloading it', async (t) => {
    const { server, download } = await setUp(t);
    server.next.push((_request, response) => void setTimeout(() => response.writeHead(206).end(data), 300));
    const first = download();
    while (server.fileRequests.length === 0) await delay(5);
    await assert.rejects(download(), rejectsWith('conflict', /Another process is downloading/));
    await first;
  });

  test('lists a repository, page by page', async (t) => {
    const { server, config } = await setUp(t);
    const files = await listHubFiles({ repository: 'open/model', endpoint: server.endpoint });
    assert.deepEqual(files, [
      { file: FILE, bytes: data.length },
      { file: 'unet/config.json', bytes: config.length },
      { file: 'empty.ckpt', bytes: 0 },
    ]);
  });
});

test('every published checkpoint names its licence and a checksum', () => {
  for (const [name, { repository, file, sha256: checksum, license }] of Object.entries(publishedCheckpoints)) {
    assert.match(repository, /^[\w-]+\/[\w.-]+$/, name);
    assert.match(file, /\.(ckpt|safetensors)$/, name);
    assert.match(checksum, /^[0-9a-f]{64}$/, name);
    assert.equal(license.name, 'CreativeML OpenRAIL-M', name);
  }
});
