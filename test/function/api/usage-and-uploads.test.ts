import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import type { UploadTicket } from '@safelight/sdk/contract';
import type { Engine } from '../../../function/src/engine.ts';
import { createFakeEngine } from '../jobs/fake-engine.ts';
import { createApiClient, failureOf } from './api-client.ts';
import { finish, newKey, serve } from './serve-fixture.ts';

const KEY_A = 'a-key-of-sixteen-characters';
const KEY_B = 'another-key-of-sixteen-chars';
const today = () => new Date().toISOString().slice(0, 10);

describe('usage', () => {
  it('says what a key used, with prices where there are any, and nothing of other keys', async () => {
    const gpuPrice = { perHour: 3600, currency: 'USD', priceDate: '2026-01-01' };
    await using fixture = await serve(createFakeEngine({ stepMs: 5 }), { apiKeys: [KEY_A, KEY_B], gpuPrice });
    const api = createApiClient(fixture.server.url, { authorization: `Bearer ${KEY_A}` });
    const from = today();
    const { id } = await api.jobs.submit.mutate({ prompt: 'x', count: 2, idempotencyKey: newKey() });
    const job = await finish(api, id);
    assert.ok(job.status === 'succeeded');
    assert.ok(job.usage.gpuSeconds > 0);
    assert.ok(Math.abs((job.usage.price?.amount ?? 0) - job.usage.gpuSeconds) < 1e-6, 'a dollar a second');
    assert.equal(job.usage.price?.priceDate, '2026-01-01');

    const { entries } = await api.usage.get.query({ from, to: today() });
    assert.equal(entries.length, 1);
    assert.match(entries[0]?.key ?? '', /^key-[0-9a-f]{16}$/);
    assert.equal(entries[0]?.images, 2);
    assert.equal(entries[0]?.gpuSeconds, job.usage.gpuSeconds);
    const other = createApiClient(fixture.server.url, { authorization: `Bearer ${KEY_B}` });
    assert.deepEqual(await other.usage.get.query({ from, to: today() }), { entries: [] });
  });

  it('has no price where nothing is billed, and refuses impossible days', async () => {
    await using fixture = await serve();
    const { id } = await fixture.api.jobs.submit.mutate({ prompt: 'x', idempotencyKey: newKey() });
    const job = await finish(fixture.api, id);
    assert.ok(job.status === 'succeeded' && job.usage.price === undefined);
    const wrong = [
      { from: '2026-02-01', to: '2026-01-01' },
      { from: '2024-01-01', to: '2026-01-01' },
      { from: 'yesterday', to: '2026-01-01' },
      { from: '2026-13-01', to: '2026-13-02' },
    ];
    for (const range of wrong)
      assert.equal((await failureOf(fixture.api.usage.get.query(range))).code, 'invalid_input');
  });
});

describe('an upload', () => {
  const data = new Uint8Array([1, 2, 3]);
  const sha256 = createHash('sha256').update(data).digest('hex');
  const announced = { contentType: 'image/png', bytes: 3, sha256 } as const;
  const send = (ticket: UploadTicket, body: Uint8Array<ArrayBuffer>, headers = ticket.headers) =>
    fetch(ticket.url, { method: ticket.method, headers, body });

  it('takes the announced file without a key, once and again', async () => {
    await using fixture = await serve(createFakeEngine(), { apiKeys: [KEY_A, KEY_B] });
    const create = (key: string) =>
      createApiClient(fixture.server.url, { authorization: `Bearer ${key}` }).uploads.create.mutate(announced);
    const ticket = await create(KEY_A);
    assert.match(ticket.key, new RegExp(`^uploads/key-[0-9a-f]{16}/${sha256}\\.png$`));
    assert.equal((await send(ticket, data)).status, 200);
    assert.equal((await send(ticket, data)).status, 200);
    assert.equal((await create(KEY_A)).key, ticket.key);
    assert.notEqual((await create(KEY_B)).key, ticket.key, 'each caller has a folder of its own');
    assert.ok(Date.parse(ticket.expiresAt) > Date.now());
  });

  it('is what a job of its caller starts from, and of no other', async () => {
    const fake = createFakeEngine();
    let read: Uint8Array | undefined;
    const engine: Engine = {
      ...fake,
      generate: async (settings, options) => {
        read = await options?.readUpload?.(settings.initImage ?? '');
        return fake.generate(settings, options);
      },
    };
    await using fixture = await serve(engine, { apiKeys: [KEY_A, KEY_B] });
    const client = (key: string) => createApiClient(fixture.server.url, { authorization: `Bearer ${key}` });
    const ticket = await client(KEY_A).uploads.create.mutate(announced);
    await send(ticket, data);
    const input = { prompt: 'p', initImage: ticket.key };
    const refused = await failureOf(client(KEY_B).jobs.submit.mutate({ ...input, idempotencyKey: newKey() }));
    assert.deepEqual([refused.code, refused.field], ['invalid_input', 'initImage']);
    const job = await client(KEY_A).jobs.submit.mutate({ ...input, idempotencyKey: newKey() });
    assert.equal((await finish(client(KEY_A), job.id)).status, 'succeeded');
    assert.deepEqual([...(read ?? [])], [...data]);
  });

  it('takes no other file', async () => {
    await using fixture = await serve();
    const ticket = await fixture.api.uploads.create.mutate(announced);
    assert.equal((await send(ticket, new Uint8Array([1, 2, 4]))).status, 400, 'other content');
    assert.equal((await send(ticket, new Uint8Array([1, 2]))).status, 400, 'too short');
    assert.equal((await send(ticket, new Uint8Array(100_000))).status, 400, 'too long');
    assert.equal((await send(ticket, data, { 'content-type': 'image/webp' })).status, 400, 'another type');
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1000)) });
    const init = { method: 'PUT', headers: ticket.headers, body: endless, duplex: 'half' };
    const streamed = fetch(ticket.url, init);
    assert.ok([400, 'closed'].includes(await streamed.then(({ status }) => status).catch(() => 'closed')));
    const changed = new URL(ticket.url);
    changed.searchParams.set('bytes', '4');
    assert.equal((await send({ ...ticket, url: changed.href }, new Uint8Array(4))).status, 403);
    assert.equal((await fetch(ticket.url)).status, 403, 'the URL does not read');
    assert.equal((await send(ticket, data)).status, 200, 'still good for the right one');
  });

  it('is refused before it is sent where it is too large or of another kind', async () => {
    await using fixture = await serve();
    const create = (input: object) => failureOf(fixture.api.uploads.create.mutate({ ...announced, ...input }));
    assert.equal((await create({ bytes: 20 * 1024 * 1024 + 1 })).field, 'bytes');
    assert.equal((await create({ bytes: 0 })).field, 'bytes');
    assert.equal((await create({ contentType: 'image/gif' })).field, 'contentType');
    assert.equal((await create({ sha256: '../../x' })).field, 'sha256');
  });
});
