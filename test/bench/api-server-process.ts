/**
 * A server for `api.ts`: `api-server-process.ts KIND FOLDER`. It says where it is, and whenever it is sent a message, how
 * much it has used. Kinds: `waiting` keeps every job waiting for the first one, which never ends; `drawing` draws at once;
 * `plain` is Node's own HTTP server, which answers everything with a text of FOLDER characters.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startServer } from '../../function/src/api/serve.ts';
import { createFakeEngine } from '../function/jobs/fake-engine.ts';

const [kind, folder = ''] = process.argv.slice(2);

async function startPlain(length: number): Promise<string> {
  const text = 'x'.repeat(length);
  const server = createServer(async (request, response) => {
    for await (const _ of request);
    response.setHeader('content-type', 'application/json').end(text);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function startOurs(): Promise<string> {
  const forever = async (signal: AbortSignal | undefined) => void (signal && (await once(signal, 'abort')));
  const engine = createFakeEngine(
    kind === 'waiting' ? { onGenerate: (_settings, _call, signal) => forever(signal) } : {},
  );
  const { url } = await startServer({ engine, dataDir: folder, port: 0, maxQueued: 1_000_000 });
  return url;
}

process.on('message', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  process.send?.({ cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakMegabytes: maxRSS / 1000 });
});
process.send?.(kind === 'plain' ? await startPlain(Number(folder)) : await startOurs());
