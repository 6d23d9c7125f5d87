/**
 * How fast `pullBundle` is beside one plain parallel ranged downloader, which writes what it gets and checks nothing, in
 * the same run from the same server, which is a process of its own:
 * `node --conditions=@safelight/source --import tsx <this file> [megabytes] [latencyMs]`. S3 takes 30 to 200 ms to the
 * first byte; at 0 the figures are those of this machine's processor, which then hashes, sends and receives at once.
 */
import { fork } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { describeBytes, PART_BYTES } from '../../../function/src/bundle/file-entry.ts';
import { manifestSchema } from '../../../function/src/bundle/manifest.ts';
import { pullBundle } from '../../../function/src/transfer/pull-bundle.ts';
import { openEmbeddedBundle } from '../../support/embedded-model.ts';
import { startS3Server } from '../../support/s3-server.ts';
import { encodeManifest, noise } from './test-bundle.ts';

const CONCURRENCY = 8;
let client: S3Client | undefined;
const ROUNDS = 5;
const bytes = Number(process.argv[2] ?? 400) * 1e6;
const latencyMs = Number(process.argv[3] ?? 0);

if (process.send !== undefined) {
  const server = await startS3Server();
  const data = noise(bytes);
  const { manifest } = await openEmbeddedBundle();
  server.put(
    'models/v1/manifest.json',
    encodeManifest(manifestSchema.parse({ ...manifest, files: { 'unet.weights': describeBytes(data) } })),
  );
  server.put('models/v1/unet.weights', data);
  if (latencyMs > 0) server.inject({ latencyMs }, () => true);
  process.send(server.endpoint);
} else {
  const server = fork(import.meta.filename, [String(bytes / 1e6), String(latencyMs)]);
  const endpoint = await new Promise<string>((resolve) => server.once('message', resolve));
  const folder = await mkdtemp(join(tmpdir(), 'safelight-bench-'));
  const rates: Record<'plain' | 'pull' | 'durable', number[]> = { plain: [], pull: [], durable: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    rates.plain.push(await rate(() => plainDownload(`${endpoint}/models/v1/unet.weights`, join(folder, 'plain'))));
    rates.pull.push(await rate(() => pull(endpoint, join(folder, 'pull'), false)));
    rates.durable.push(await rate(() => pull(endpoint, join(folder, 'durable'), true)));
    for (const name of Object.keys(rates)) await rm(join(folder, name), { recursive: true });
  }
  for (const [name, values] of Object.entries(rates))
    console.log(name, `${values.map((value) => value.toFixed(0))} MB/s`);
  console.log('pull / plain:', (median(rates.pull) / median(rates.plain)).toFixed(2));
  console.log('durable / plain:', (median(rates.durable) / median(rates.plain)).toFixed(2));
  await rm(folder, { recursive: true });
  server.kill();
  client?.destroy();
}

async function rate(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return bytes / 1e3 / (performance.now() - started);
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function pull(endpoint: string, folder: string, isDurable: boolean): Promise<void> {
  await pullBundle({
    client: clientOf(endpoint),
    bucket: 'models',
    prefix: 'v1',
    folder,
    concurrency: CONCURRENCY,
    isDurable,
  });
}

function clientOf(endpoint: string): S3Client {
  const credentials = { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: 'x' };
  client ??= new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  return client;
}

async function plainDownload(url: string, path: string): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  // A plain downloader does not sign; the server only looks for the name.
  const headers = { authorization: 'AWS4-HMAC-SHA256 Credential=AKIATESTTESTTESTTEST/' };
  const file = await open(path, 'w');
  await file.truncate(bytes);
  let next = 0;
  const work = async () => {
    for (let start = next; start < bytes; start = next) {
      next += PART_BYTES;
      const range = `bytes=${start}-${Math.min(start + PART_BYTES, bytes) - 1}`;
      const chunks: Buffer[] = [];
      await new Promise<void>((resolve, reject) => {
        get(url, { agent, headers: { ...headers, range } }, (response) => {
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', resolve);
          response.on('error', reject);
        }).on('error', reject);
      });
      await file.writev(chunks, start);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  await file.close();
  agent.destroy();
}
