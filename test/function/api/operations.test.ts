import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FunctionError } from '../../../function/src/errors.ts';
import { runCli } from '../../support/run-cli.ts';
import { createFakeEngine } from '../jobs/fake-engine.ts';
import { createApiClient } from './api-client.ts';
import { finish, newKey, rawGet, serve } from './serve-fixture.ts';

const KEY = 'a-key-that-nobody-guesses';
const SECRET_PROMPT = 'a secret <b>prompt</b>';

const get = async (url: string, init?: RequestInit) => {
  const answer = await fetch(url, init);
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
};

/** An engine that draws, but for a seed of 1. */
const createFailingEngine = () =>
  createFakeEngine({
    onGenerate({ seed }) {
      if (seed === 1) throw new FunctionError('out_of_memory', 'Too large', { isRetryable: false });
    },
  });

test('the page, the command and the metrics say what became of jobs, to those with the key', async () => {
  await using opened = await serve(createFailingEngine(), { apiKeys: [KEY], version: '1.2.3' });
  const { url } = opened.server;
  const api = createApiClient(url, { authorization: `Bearer ${KEY}` });
  const draw = async (input: object) => {
    const { id } = await api.jobs.submit.mutate({ prompt: SECRET_PROMPT, idempotencyKey: newKey(), ...input });
    return await finish(api, id);
  };
  assert.equal((await draw({ count: 3, steps: 5 })).status, 'succeeded');
  assert.equal((await draw({ count: 1, steps: 10, grid: { x: [{ steps: 2 }, { steps: 4 }] } })).status, 'succeeded');
  assert.equal((await draw({ seed: 1 })).status, 'failed');

  for (const path of ['/metrics', '/status']) {
    assert.equal((await get(url + path)).status, 401, path);
    assert.equal(
      (await get(url + path, { headers: { authorization: 'Bearer a-key-that-is-wrong' } })).status,
      401,
      path,
    );
  }
  // A browser is asked for a password; programs are asked for the key.
  assert.match((await get(`${url}/status`)).headers.get('www-authenticate') ?? '', /^Basic /);
  assert.equal((await get(`${url}/metrics`)).headers.get('www-authenticate'), 'Bearer');

  const metrics = await get(`${url}/metrics`, { headers: { authorization: `Bearer ${KEY}` } });
  assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const lines = metrics.text.split('\n');
  for (const line of [
    'safelight_jobs_total{status="succeeded"} 2',
    'safelight_jobs_total{status="failed"} 1',
    'safelight_jobs_total{status="canceled"} 0',
    'safelight_job_failures_total{code="out_of_memory"} 1',
    'safelight_steps_total 21',
    'safelight_jobs_queued 0',
    'safelight_jobs_running 0',
    'safelight_phase_seconds_count{phase="denoise"} 2',
    'safelight_phase_seconds_bucket{le="+Inf",phase="upload"} 2',
  ])
    assert.ok(lines.includes(line), `${line} in\n${metrics.text}`);
  assert.ok(!metrics.text.includes('phase="load"'));
  assert.match(metrics.text, /^process_resident_memory_bytes \d{7,}$/m);

  const authorization = `Basic ${Buffer.from(`any:${KEY}`).toString('base64')}`;
  const page = await get(`${url}/status`, { headers: { authorization } });
  assert.equal(page.status, 200);
  assert.match(page.text, /Failures<\/th><td>out_of_memory 1</);
  assert.match(page.text, /Last 24 hours<\/th><td>2 jobs, \d pictures; 1 failed, 0 canceled</);
  assert.match(page.text, /<td>denoise<\/td><td>2<\/td>/);
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.equal(page.headers.get('cache-control'), 'no-store');
  assert.ok(!/<script|<style|style=|\son\w+=|https?:\/\//.test(page.text));
  for (const text of [page.text, metrics.text]) assert.ok(!text.includes('secret') && !text.includes(KEY));
  assert.equal((await get(`${url}/status`, { method: 'POST', headers: { authorization } })).status, 400);

  const env = { SAFELIGHT_ENDPOINT: url, SAFELIGHT_API_KEY: KEY };
  const told = await runCli(['status', '--hours', '2'], { env });
  assert.equal(told.exit, 0, told.stderr);
  assert.match(told.stdout, /^Version +1\.2\.3\nModels +fake \(default\)\nQueue +0 waiting, 0 running\n/);
  assert.match(told.stdout, /^Last 2 hours +2 jobs, \d pictures; 1 failed, 0 canceled\nFailures +out_of_memory 1$/m);
  assert.match(told.stdout, /^denoise +2 +\d+\.\d\d s +\d+\.\d\d s$/m);
  const { recent, usage } = JSON.parse((await runCli(['status', '--json'], { env })).stdout);
  assert.deepEqual(
    [recent.hours, recent.jobs.succeeded, recent.failures, usage[0].jobs],
    [24, 2, [{ code: 'out_of_memory', jobs: 1 }], 2],
  );
  const refused = await runCli(['status', '--hours', 'x'], { env });
  assert.deepEqual([refused.exit, refused.stderr], [2, 'safelight: hours must be a number from 1 to 744\n']);
});

test('a cancelled job counts once, wherever it was; without keys all of it is open to this machine alone', async () => {
  await using opened = await serve(createFakeEngine({ stepMs: 20 }));
  const { server, api } = opened;
  const running = await api.jobs.submit.mutate({ prompt: 'x', steps: 500, idempotencyKey: newKey() });
  const queued = await api.jobs.submit.mutate({ prompt: 'x', steps: 500, idempotencyKey: newKey() });
  const waiting = await get(`${server.url}/metrics`);
  assert.match(waiting.text, /^safelight_jobs_queued [12]$/m);
  for (const { id } of [queued, running]) await api.jobs.cancel.mutate({ jobId: id });
  for (const { id } of [queued, running]) {
    await finish(api, id);
    await api.jobs.cancel.mutate({ jobId: id });
  }
  const { text } = await get(`${server.url}/metrics`);
  assert.match(text, /^safelight_jobs_total\{status="canceled"\} 2$/m);
  assert.match((await get(`${server.url}/status`)).text, /0 failed, 2 canceled/);
  const { port } = server;
  for (const path of ['/status', '/metrics'])
    assert.equal((await rawGet(server.url + path, { host: `evil.example:${port}` })).status, 403);
});
