import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createSafelight } from '@safelight/sdk';
import { bundleWorker } from '../../../function/bundle-worker.ts';
import { CREDENTIALS } from '../../support/aws/dynamodb.ts';
import { startStack } from '../../support/aws/stack.ts';
import { workerEnvironment } from '../../support/aws/start-worker-program.ts';
import { createTemporaryFolder } from '../jobs/temporary-folder.ts';

const PACKAGES = join(import.meta.dirname, '../../../node_modules');
/** What the image has as packages. */
const PACKAGED = ['onnxruntime-node', 'onnxruntime-common', 'sharp', '@img', 'semver', '@fontsource'];

describe("the container's program", () => {
  it('draws a picture and a labelled sheet with nothing but its own files and the packages of the image', async () => {
    await using folder = await createTemporaryFolder();
    const program = join(folder.path, 'app');
    await bundleWorker(program);
    await mkdir(join(program, 'node_modules'));
    for (const name of PACKAGED) await symlink(join(PACKAGES, name), join(program, 'node_modules', name));

    await using stack = await startStack();
    const worker = spawn(process.execPath, ['--preserve-symlinks', join(program, 'main.js')], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env.PATH,
        ...workerEnvironment(stack, join(folder.path, 'models')),
        ...{ SAFELIGHT_IDLE_SECONDS: '2', AWS_REGION: 'us-east-1' },
        ...{ AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId, AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey },
        ...{ AWS_ENDPOINT_URL_DYNAMODB: stack.dynamo.endpoint, AWS_ENDPOINT_URL_SQS: stack.sqs.endpoint },
        AWS_ENDPOINT_URL_S3: stack.s3.endpoint,
      },
    });
    const log: string[] = [];
    worker.stdout.setEncoding('utf8').on('data', (text: string) => log.push(text));
    const ended = once(worker, 'exit');
    try {
      const gone = ended.then(() => assert.fail(`The worker ended before it drew: ${log.join('')}`));
      gone.catch(() => undefined);
      const safelight = createSafelight({ endpoint: stack.url, apiKey: await stack.createKey() });
      const grid = { x: [{ steps: 1 }, { steps: 2 }] };
      const drawing = safelight.generate({ prompt: 'a red apple', seed: 7, grid }, { deadlineMs: 120_000 });
      const { images } = await Promise.race([drawing, gone]);
      assert.equal(images.length, 3, 'two pictures and their sheet');
      assert.deepEqual(await ended, [0, null], 'an idle worker leaves by itself');
    } finally {
      worker.kill('SIGKILL');
    }
  });

  it('holds what a worker runs and no more, with the licences of all of it', async () => {
    await using folder = await createTemporaryFolder();
    await bundleWorker(folder.path);
    const names = await readdir(folder.path);
    const code = names.filter((name) => name.endsWith('.js'));
    for (const name of ['main.js', 'session-worker.js', 'byte-worker.js']) assert.ok(code.includes(name), name);
    const texts = await Promise.all(code.map((name) => readFile(join(folder.path, name), 'utf8')));
    // esbuild writes where each piece of code comes from.
    const origins = new Set(texts.flatMap((text) => text.match(/node_modules\/(?:@[^/\s]+\/)?[^/\s]+(?=\/)/g) ?? []));
    const licences = await readFile(join(folder.path, 'THIRD_PARTY_LICENCES.txt'), 'utf8');
    assert.ok(origins.has('node_modules/@aws-sdk/client-s3'), [...origins].join(' '));
    for (const origin of origins) {
      assert.doesNotMatch(
        origin,
        /opentelemetry|modelcontextprotocol|hono|libsql|prom-client|client-ecs|trpc|commander/,
      );
      assert.ok(licences.includes(`${origin.slice('node_modules/'.length)} `), `no licence of ${origin}`);
    }
    assert.match(licences, /TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION/);
    assert.match(licences, /Permission is hereby granted, free of charge/);
  });
});
