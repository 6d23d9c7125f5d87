import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { Agent, get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { S3Client } from '@aws-sdk/client-s3';
import { PART_BYTES } from '../../function/src/bundle/file-entry.ts';
import { pullBundle } from '../../function/src/transfer/pull-bundle.ts';
import { settle } from './measure.ts';
import type { BenchOptions, Row, Sample } from './rows.ts';

const CONCURRENCY = 8;
const MEGABYTES = 1600;
/** S3 takes 30 to 200 ms to the first byte. At 0, this machine's processor hashes, sends and receives at once. */
const LATENCIES_MS = [0, 50];
const ACCESS_KEY_ID = 'AKIATESTTESTTESTTEST';

/**
 * Pulling a bundle from a server on this machine, beside a plain parallel downloader that writes what it gets and checks
 * nothing; both without waiting for the disk, as a cold start pulls, and then with it.
 */
export async function benchPull({ folder, rounds }: BenchOptions): Promise<Row[]> {
  await mkdir(folder, { recursive: true });
  const rows: Row[] = [];
  for (const latencyMs of LATENCIES_MS) rows.push(...(await benchLatency(folder, rounds, latencyMs)));
  return rows;
}

async function benchLatency(folder: string, rounds: number, latencyMs: number): Promise<Row[]> {
  const server = fork(join(import.meta.dirname, 'pull-server-process.ts'), [`${MEGABYTES}`, `${latencyMs}`]);
  const credentials = { accessKeyId: ACCESS_KEY_ID, secretAccessKey: 'x' };
  try {
    const [endpoint] = (await once(server, 'message')) as [string];
    const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
    const target = join(folder, 'pulled');
    const pull = (isDurable: boolean) => () =>
      pullBundle({ client, bucket: 'models', prefix: 'v1', folder: target, concurrency: CONCURRENCY, isDurable });
    const rows: Row[] = [];
    for (const isDurable of [false, true]) {
      const [safelight, peer]: [Sample[], Sample[]] = [[], []];
      for (let round = 0; round < rounds; round += 1) {
        const url = `${endpoint}/models/v1/unet.weights`;
        peer.push(await measure(target, () => plainDownload(url, target, isDurable)));
        safelight.push(await measure(target, pull(isDurable)));
      }
      const name = `${isDurable ? 'pull to disk' : 'pull'}, ${latencyMs} ms`;
      rows.push({ name, safelight, peerName: 'plain', peer, megabytes: MEGABYTES });
    }
    client.destroy();
    return rows;
  } finally {
    server.kill();
  }
}

async function measure(target: string, work: () => Promise<unknown>): Promise<Sample> {
  await settle();
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await rm(target, { recursive: true });
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}

async function plainDownload(url: string, path: string, isDurable: boolean): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  // A plain downloader does not sign; the server only looks for the name.
  const headers = { authorization: `AWS4-HMAC-SHA256 Credential=${ACCESS_KEY_ID}/` };
  const bytes = MEGABYTES * 1e6;
  const file = await open(path, 'w');
  await file.truncate(bytes);
  let next = 0;
  const work = async () => {
    for (let start = next; start < bytes; start = next) {
      next += PART_BYTES;
      const range = `bytes=${start}-${Math.min(start + PART_BYTES, bytes) - 1}`;
      const answer = get(url, { agent, headers: { ...headers, range } });
      const [response] = (await once(answer, 'response')) as [IncomingMessage];
      await pipeline(response, createWriteStream('', { fd: file.fd, start, autoClose: false }));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  if (isDurable) await file.sync();
  await file.close();
  agent.destroy();
}
