/** The server as its operator starts it, with a collector that keeps what it is sent. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { createSafelight } from '@safelight/sdk';
import { createJobRecord } from '../../../function/src/jobs/job-record.ts';
import { silentLogger } from '../../../function/src/jobs/logger.ts';
import { startJobTraces } from '../../../function/src/telemetry/trace-jobs.ts';
import { temporaryFolder } from '../../support/embedded-model.ts';
import { finish, spawnCli, waitForOutput } from '../../support/run-cli.ts';
import { SETTINGS } from '../jobs/sample-jobs.ts';

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: Record<string, unknown> }[];
  events: { name: string }[];
  status: { code?: number };
}

interface Request {
  path: string | undefined;
  authorization: string | undefined;
  text: string;
  spans: Span[];
  service: unknown;
}

async function startCollector(t: TestContext): Promise<{ url: string; requests: Request[] }> {
  const requests: Request[] = [];
  const server = createServer(async (request, response) => {
    const body = (await json(request)) as {
      resourceSpans: { resource: { attributes: Span['attributes'] }; scopeSpans: { spans: Span[] }[] }[];
    };
    const [resourceSpans] = body.resourceSpans;
    requests.push({
      path: request.url,
      authorization: request.headers['x-collector-key'] as string | undefined,
      text: JSON.stringify(body),
      spans: resourceSpans?.scopeSpans.flatMap(({ spans }) => spans) ?? [],
      service: resourceSpans?.resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue,
    });
    response.setHeader('content-type', 'application/json').end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

async function serveAndDraw(t: TestContext, env: Record<string, string>) {
  const dataDir = await temporaryFolder(t);
  const server = spawnCli(['serve', '--port', '0', '--data-dir', dataDir], { env });
  const ended = finish(server);
  const safelight = createSafelight({ endpoint: await waitForOutput(server, /listening on (\S+)/) });
  const draw = { prompt: 'a fox in secret', steps: 2, width: 64, height: 64, sampler: 'ddim' };
  const { job } = await safelight.generate(draw);
  server.kill('SIGTERM');
  const { exit, stderr } = await ended;
  assert.equal(exit, 0, stderr);
  return { job, stderr };
}

test('each job is a trace of its stages, without its prompt', async (t) => {
  const { url, requests } = await startCollector(t);
  const { job } = await serveAndDraw(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=abc',
    OTEL_SERVICE_NAME: 'pictures',
  });
  assert.ok(requests.length > 0);
  for (const { path, authorization, service, text } of requests) {
    assert.deepEqual([path, authorization, service], ['/v1/traces', 'abc', 'pictures']);
    assert.ok(!text.includes('secret'));
  }
  const spans = requests.flatMap((request) => request.spans);
  const attribute = (span: Span, name: string) =>
    Object.values(span.attributes.find(({ key }) => key === name)?.value ?? {})[0];
  const root = spans.find((span) => attribute(span, 'safelight.job.id') === job.id);
  assert.ok(root !== undefined && root.parentSpanId === undefined);
  assert.deepEqual([root.name, root.events[0]?.name], ['job', 'submit']);
  assert.deepEqual([attribute(root, 'safelight.model'), Number(attribute(root, 'safelight.steps'))], ['mini', 2]);
  const stages = spans.filter(({ traceId, parentSpanId }) => traceId === root.traceId && parentSpanId === root.spanId);
  assert.deepEqual(
    stages.map(({ name }) => name),
    ['queue', 'load', 'encode', 'denoise', 'decode', 'upload'],
  );
  const milliseconds = ({ startTimeUnixNano, endTimeUnixNano }: Span) =>
    Number(BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano)) / 1e6;
  for (const [index, stage] of stages.entries()) {
    const expected = job.timings[`${stage.name}Ms` as 'denoiseMs'];
    assert.ok(Math.abs(milliseconds(stage) - expected) < 1, `${stage.name}: ${milliseconds(stage)}, not ${expected}`);
    const next = stages[index + 1];
    if (next !== undefined) assert.equal(next.startTimeUnixNano, stage.endTimeUnixNano);
  }
  assert.equal(root.startTimeUnixNano, `${Date.parse(job.createdAt)}000000`);
  assert.equal(root.endTimeUnixNano, `${Date.parse(job.finishedAt)}000000`);
});

test('a job that failed is a trace with an error, in its code alone', async (t) => {
  const { url, requests } = await startCollector(t);
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = url;
  t.after(() => delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT);
  const settings = { ...SETTINGS, prompt: 'secret' };
  const job = createJobRecord(
    { owner: 'local', idempotencyKey: 'x', inputHash: '', settings, webhookUrl: null },
    'a1',
    1000,
  );
  const error = { code: 'out_of_memory' as const, message: 'secret', isRetryable: false };
  const traces = startJobTraces('1', silentLogger);
  traces.record({ ...job, status: 'failed', startedAt: 1500, finishedAt: 2000, error });
  await traces.close();
  const [request] = requests;
  assert.ok(request !== undefined && !request.text.includes('secret'));
  assert.deepEqual(
    request.spans.map(({ name, status, startTimeUnixNano, endTimeUnixNano }) => [
      name,
      status.code,
      startTimeUnixNano,
      endTimeUnixNano,
    ]),
    [
      ['queue', 0, '1000000000', '1500000000'],
      ['job', 2, '1000000000', '2000000000'],
    ],
  );
  assert.match(request.text, /"error\.type","value":\{"stringValue":"out_of_memory"/);
});

test('a collector that is away costs a server nothing but its traces, and the log says so', async (t) => {
  const { job, stderr } = await serveAndDraw(t, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9/a-key' });
  assert.equal(job.status, 'succeeded');
  assert.match(stderr, /"event":"traces_not_sent"/);
  assert.ok(!stderr.includes('a-key'));
});
