/**
 * Starts a worker as the given command, lets it draw a picture for the SDK over emulators of S3, SQS and DynamoDB, and
 * sees that it leaves by itself: `container:check` runs it on the built image. Each variable goes to the command as an
 * argument `--env NAME=value`, at the place of `{env}`.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSafelight } from '@safelight/sdk';
import { CREDENTIALS } from '../support/aws/dynamodb.ts';
import { startStack } from '../support/aws/stack.ts';
import { workerEnvironment } from '../support/aws/start-worker-program.ts';

/** Long enough for the job, short enough to watch. */
const IDLE_SECONDS = 5;

await using stack = await startStack();
const safelight = createSafelight({ endpoint: stack.url, apiKey: await stack.createKey() });
const environment = {
  ...workerEnvironment(stack, '/models'),
  ...{ SAFELIGHT_IDLE_SECONDS: String(IDLE_SECONDS), AWS_REGION: 'us-east-1' },
  ...{ AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId, AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey },
  ...{ AWS_ENDPOINT_URL_DYNAMODB: stack.dynamo.endpoint, AWS_ENDPOINT_URL_SQS: stack.sqs.endpoint },
  AWS_ENDPOINT_URL_S3: stack.s3.endpoint,
};
const variables = Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
const [command = assert.fail('no command'), ...args] = process.argv
  .slice(2)
  .flatMap((word) => (word === '{env}' ? variables : [word]));

const start = performance.now();
const worker = spawn(command, args, { stdio: 'inherit' });
// Whatever fails here must not leave it behind.
process.on('exit', () => worker.kill());
const ended = once(worker, 'exit');
const gone = ended.then(([code]) => assert.fail(`The worker ended with ${code} before it drew`));
gone.catch(() => {});
const drawing = safelight.generate({ prompt: 'a red apple', seed: 7 }, { deadlineMs: 120_000 });
const { images, timings } = await Promise.race([drawing, gone]);
const [image = assert.fail('no picture')] = images;
const data = new Uint8Array(await safelight.images.arrayBuffer(image));
assert.deepEqual([...data.subarray(1, 4)], [...Buffer.from('PNG')]);
console.log(`${image.width}×${image.height} after ${((performance.now() - start) / 1000).toFixed(1)} s`, timings);
// The image has no fonts: labels are outlines.
const grid = { x: [{ steps: 2 }, { steps: 4 }] };
const { images: drawn } = await safelight.generate({ prompt: 'a red apple', grid }, { deadlineMs: 120_000 });
const sheet = drawn[2] ?? assert.fail('no sheet');
console.log(`${sheet.width}×${sheet.height}, a sheet of ${drawn.length - 1}`);
await writeFile(join(tmpdir(), 'safelight-sheet.png'), new Uint8Array(await safelight.images.arrayBuffer(sheet)));
assert.deepEqual(await ended, [0, null], 'an idle worker leaves by itself');
