/**
 * Lets a worker start from nothing, as the container does: its bundle in a process of its own, a job waiting, the embedded
 * model in an emulated S3 whose line is as fast as said. Writes the picture of the fastest of three starts.
 *
 *     npm run bench:cold-start [-- --megabytes-per-second N] [--picture FILE]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { createSafelight } from '@safelight/sdk';
import { bundleWorker } from '../../../function/bundle-worker.ts';
import { describeBytes } from '../../../function/src/bundle/file-entry.ts';
import type { Span } from '../../../function/src/timeline.ts';
import { CREDENTIALS } from '../../support/aws/dynamodb.ts';
import { type Stack, startStack } from '../../support/aws/stack.ts';
import { workerEnvironment } from '../../support/aws/start-worker-program.ts';
import { openEmbeddedBundle } from '../../support/embedded-model.ts';
import { machine } from '../measure.ts';
import { drawTrace } from './draw-trace.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** So that the small model has about as many parts as the full-size one has of 8 MiB. */
const PART_BYTES = 256 << 10;
const ROUNDS = 3;

const { values } = parseArgs({
  options: {
    'megabytes-per-second': { type: 'string', default: '10' },
    picture: { type: 'string', default: join(ROOT, 'docs/images/cold-start.svg') },
  },
});
const megabytesPerSecond = Number(values['megabytes-per-second']);

const folder = await mkdtemp(join(tmpdir(), 'safelight-cold-start-'));
try {
  await bundleWorker(join(folder, 'app'));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'app/node_modules'));
  const starts: Trace[] = [];
  for (let round = 0; round < ROUNDS; round++) starts.push(await startCold(round));
  const fastest = starts.reduce((best, one) => (one.storedMs < best.storedMs ? one : best));
  console.log(machine());
  for (const { name, startMs, endMs } of fastest.spans)
    console.log(`${name.padEnd(24)} ${startMs.toFixed(0).padStart(6)} to ${endMs.toFixed(0).padStart(6)} ms`);
  console.log(`picture stored after ${starts.map(({ storedMs }) => storedMs.toFixed(0)).join(', ')} ms`);
  const megabytes = (fastest.bytes / 1e6).toFixed(0);
  const title = `A worker's cold start: embedded model, ${megabytes} MB at ${megabytesPerSecond} MB/s, two busy processor cores`;
  await writeFile(values.picture, drawTrace({ title, ...fastest }));
} finally {
  await rm(folder, { recursive: true, force: true });
}

interface Trace {
  spans: Span[];
  /** When the job was done. */
  storedMs: number;
  bytes: number;
}

async function startCold(round: number): Promise<Trace> {
  await using stack = await startStack();
  const bytes = await cutSmaller(stack);
  stack.s3.inject(
    { bytesPerSecond: megabytesPerSecond * 1e6 },
    ({ method, bucket }) => method === 'GET' && bucket === 'models',
  );
  const safelight = createSafelight({ endpoint: stack.url, apiKey: await stack.createKey() });
  const drawing = safelight.generate({ prompt: 'a red apple', seed: 7 }, { deadlineMs: 120_000 });
  drawing.catch(() => undefined);
  const worker = spawn(process.execPath, [join(folder, 'app/main.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      ...workerEnvironment(stack, join(folder, `models-${round}`)),
      ...{ SAFELIGHT_IDLE_SECONDS: '1', AWS_REGION: 'us-east-1', NODE_NO_WARNINGS: '1' },
      ...{ AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId, AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey },
      ...{ AWS_ENDPOINT_URL_DYNAMODB: stack.dynamo.endpoint, AWS_ENDPOINT_URL_SQS: stack.sqs.endpoint },
      AWS_ENDPOINT_URL_S3: stack.s3.endpoint,
    },
  });
  process.once('exit', () => worker.kill());
  const events = new Map<string, Record<string, unknown>>();
  createInterface({ input: worker.stdout }).on('line', (line) => {
    const event = JSON.parse(line);
    if (!events.has(event.event)) events.set(event.event, event);
  });
  const ended = once(worker, 'exit');
  const gone = ended.then(() => Promise.reject(new Error(`The worker ended early: ${[...events.keys()]}`)));
  gone.catch(() => undefined);
  const { timings } = await Promise.race([drawing, gone]);
  await ended;

  const spans = readSpans(events.get('cold_start') ?? {});
  const openMs = Math.max(...spans.map(({ endMs }) => endMs));
  // The clock of the log, seen from the process' start.
  const timeOf = (event: string) => Date.parse(String(events.get(event)?.time));
  const storedMs = timeOf('job_succeeded') - timeOf('cold_start') + openMs;
  // One after the other once the model is there.
  let startMs = openMs;
  for (const [name, phaseMs] of [
    ['job.encode', timings.encodeMs],
    ['job.denoise', timings.denoiseMs],
    ['job.decode', timings.decodeMs],
  ] as const) {
    spans.push({ name, startMs, endMs: startMs + (phaseMs ?? 0) });
    startMs += phaseMs ?? 0;
  }
  spans.push({ name: 'job.store', startMs, endMs: storedMs });
  return { spans, storedMs, bytes };
}

/** Lists the model's files in smaller parts. @returns all their bytes */
async function cutSmaller(stack: Stack): Promise<number> {
  const { manifest, graphPath } = await openEmbeddedBundle();
  const source = dirname(graphPath('unet'));
  let bytes = 0;
  const files: Record<string, ReturnType<typeof describeBytes>> = {};
  for (const name of Object.keys(manifest.files)) {
    const data = await readFile(join(source, name));
    bytes += data.length;
    files[name] = describeBytes(data, PART_BYTES);
  }
  stack.s3.put('models/mini/manifest.json', Buffer.from(JSON.stringify({ ...manifest, files })));
  return bytes;
}

function readSpans(event: Record<string, unknown>): Span[] {
  return Object.keys(event).flatMap((key) => {
    const name = /^(.*)\.startMs$/.exec(key)?.[1];
    if (name === undefined) return [];
    return [{ name, startMs: Number(event[key]), endMs: Number(event[`${name}.endMs`]) }];
  });
}
