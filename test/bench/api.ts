import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createSafelight } from '@safelight/sdk';
import type { BenchOptions, Row, Sample } from './rows.ts';

const REQUESTS = 5000;
const JOBS = 300;
/** At a time. */
const CONCURRENCY = 8;

/**
 * What the API costs where nothing is drawn: requests to the local server over a queue that grows, beside Node's own HTTP
 * server that answers with as many bytes; and whole jobs through the SDK. Processor time is that of the server alone.
 */
export async function benchApi({ folder, rounds }: BenchOptions): Promise<Row[]> {
  await mkdir(folder, { recursive: true });
  const requests: Record<'submit' | 'get' | 'watch', { safelight: Sample[]; peer: Sample[] }> = {
    submit: { safelight: [], peer: [] },
    get: { safelight: [], peer: [] },
    watch: { safelight: [], peer: [] },
  };
  const jobs: Sample[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await withServer('waiting', folder, async (url, measure) => {
      const ids: string[] = [];
      const submitOne = async () => ids.push(await submit(url));
      await submitOne();
      const { length } = await readText(`${url}${get(ids[0] as string)}`);
      await withServer('plain', `${length}`, async (plainUrl, measurePlain) => {
        const compare = async (name: keyof typeof requests, ours: (i: number) => Promise<unknown>, body?: string) => {
          const plain = () => readText(plainUrl, body === undefined ? {} : { method: 'POST', body });
          requests[name].peer.push(await measurePlain(REQUESTS, plain));
          requests[name].safelight.push(await measure(REQUESTS, ours));
        };
        const jobOf = (i: number) => ids[i % ids.length] as string;
        await compare('submit', submitOne, JSON.stringify(newJob()));
        await compare('get', (i) => readText(`${url}${get(jobOf(i))}`));
        await compare('watch', (i) => readFirstState(`${url}${watch(jobOf(i))}`));
      });
    });
    await withServer('drawing', folder, async (url, measure) => {
      const safelight = createSafelight({ endpoint: url });
      jobs.push(await measure(JOBS, () => safelight.generate({ prompt: 'a red apple' })));
    });
  }
  return [
    ...Object.entries(requests).map(([name, samples]) => {
      return { name: `jobs.${name}`, ...samples, peerName: 'node:http', requests: REQUESTS };
    }),
    { name: 'a job, submitted to done', safelight: jobs, requests: JOBS },
  ];
}

type Measure = (count: number, work: (i: number) => Promise<unknown>) => Promise<Sample>;

/** A server in a process of its own, and what so many pieces of work take it. */
async function withServer(
  kind: 'waiting' | 'drawing' | 'plain',
  place: string,
  use: (url: string, measure: Measure) => Promise<void>,
): Promise<void> {
  const dataDir = kind === 'plain' ? place : await mkdtemp(join(place, 'api-'));
  const server = fork(join(import.meta.dirname, 'api-server-process.ts'), [kind, dataDir]);
  const ask = async (): Promise<{ cpuSeconds: number; peakMegabytes: number }> => {
    server.send('usage');
    const [usage] = await once(server, 'message');
    return usage;
  };
  const measure: Measure = async (count, work) => {
    // Connections, and code that is compiled as it runs.
    await runAll(count / 10, work);
    const before = await ask();
    const start = performance.now();
    await runAll(count, work);
    const seconds = (performance.now() - start) / 1000;
    const { cpuSeconds, peakMegabytes } = await ask();
    return { seconds, cpuSeconds: cpuSeconds - before.cpuSeconds, peakMegabytes };
  };
  try {
    const [url] = (await once(server, 'message')) as [string];
    await use(url, measure);
  } finally {
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
    if (kind !== 'plain') await rm(dataDir, { recursive: true, force: true });
  }
}

async function runAll(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const runSome = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, runSome));
}

const newJob = () => ({ prompt: 'a red apple', idempotencyKey: randomUUID() });
const get = (jobId: string) => `/trpc/jobs.get?input=${encodeURIComponent(JSON.stringify({ jobId }))}`;
const watch = (jobId: string) => `/trpc/jobs.watch?input=${encodeURIComponent(JSON.stringify({ jobId }))}`;

async function submit(url: string): Promise<string> {
  const body = JSON.stringify(newJob());
  const text = await readText(`${url}/trpc/jobs.submit`, { method: 'POST', body });
  return (JSON.parse(text) as { result: { data: { id: string } } }).result.data.id;
}

async function readText(url: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(url, { ...init, headers: { 'content-type': 'application/json' } });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${text}`);
  return text;
}

/** Up to the job's state as it is now. */
async function readFirstState(url: string): Promise<void> {
  const stop = new AbortController();
  const { body } = await fetch(url, { signal: stop.signal });
  let text = '';
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (text.includes('"status"')) break;
  }
  stop.abort();
  if (!text.includes('"status"')) throw new Error(`No state in the stream: ${text}`);
}
