import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, it, test } from 'node:test';
import { createPublicLookup, isPublicAddress } from '../../../function/src/webhooks/public-address.ts';
import { isAllowedWebhookUrl, sendWebhook } from '../../../function/src/webhooks/send-webhook.ts';
import { createWebhookSigner } from '../../../function/src/webhooks/sign-webhook.ts';
import { nextWebhookTryMs } from '../../../function/src/webhooks/webhook-schedule.ts';
import { verifyWebhook } from '../../../sdk/src/webhooks/verify-webhook.ts';
import { failureOf } from '../api/api-client.ts';
import { finish, newKey, serve } from '../api/serve-fixture.ts';
import { createFakeEngine } from '../jobs/fake-engine.ts';

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const NEXT_SECRET = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;
const never = new AbortController().signal;

interface Received {
  headers: IncomingHttpHeaders;
  body: string;
}

/** Takes in webhooks; `statuses` are its answers, the last one for all that follow. */
const startReceiver = async (statuses = [200]) => {
  const received: Received[] = [];
  let onReceived: () => void = () => {};
  const server = createServer(async (request, response) => {
    received.push({ headers: request.headers, body: await text(request) });
    const status = statuses[Math.min(received.length, statuses.length) - 1] ?? 200;
    response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end();
    onReceived();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=secret`,
    received,
    async next(): Promise<Received> {
      if (received.length === 0) await new Promise<void>((resolve) => (onReceived = resolve));
      const first = received.shift();
      assert.ok(first);
      return first;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
};

const serveWebhooks = (options = {}) =>
  serve(createFakeEngine(), { webhookSecrets: [SECRET], allowPrivateWebhooks: true, ...options });

describe('a job with a webhook', () => {
  it('is announced when it ends, signed so that the SDK takes it for genuine', async () => {
    await using receiver = await startReceiver();
    await using fixture = await serveWebhooks({ webhookSecrets: [SECRET, NEXT_SECRET] });
    const webhook = { url: receiver.url };
    const { id } = await fixture.api.jobs.submit.mutate({ prompt: 'secret', idempotencyKey: newKey(), webhook });
    const { headers, body } = await receiver.next();
    for (const secret of [SECRET, NEXT_SECRET]) {
      const event = await verifyWebhook({ headers, body }, { secret });
      assert.equal(event.type, 'job.succeeded');
      assert.equal(event.data.jobId, id);
      assert.equal(event.id, `job_${id}`);
    }
    assert.doesNotMatch(body, /secret|http/, 'neither the prompt nor a URL leaves the server');
    assert.doesNotMatch(fixture.log.join('\n'), /token=/);
  });

  it('is announced when it is canceled while it waits', async () => {
    await using receiver = await startReceiver();
    await using fixture = await serveWebhooks();
    await fixture.server.drain();
    const webhook = { url: receiver.url };
    const { id } = await fixture.api.jobs.submit.mutate({ prompt: 'x', idempotencyKey: newKey(), webhook });
    await fixture.api.jobs.cancel.mutate({ jobId: id });
    assert.equal(JSON.parse((await receiver.next()).body).type, 'job.canceled');
  });

  it('is announced again after a failure, under the same id', async () => {
    await using receiver = await startReceiver([500, 200]);
    let time = Date.now();
    await using fixture = await serveWebhooks({ now: () => time });
    const webhook = { url: receiver.url };
    const first = await fixture.api.jobs.submit.mutate({ prompt: 'x', idempotencyKey: newKey(), webhook });
    const failed = await receiver.next();
    while (!fixture.log.some((line) => line.includes('webhook_failed'))) await new Promise(setImmediate);
    time += 7000;
    // The end of another job wakes the sender, as its own clock would in time.
    const other = await fixture.api.jobs.submit.mutate({ prompt: 'y', idempotencyKey: newKey() });
    await finish(fixture.api, other.id);
    const again = await receiver.next();
    assert.equal(again.headers['webhook-id'], failed.headers['webhook-id']);
    assert.equal(again.headers['webhook-id'], `job_${first.id}`);
    assert.notEqual(again.headers['webhook-timestamp'], failed.headers['webhook-timestamp']);
  });

  it('is refused where the server sends none, or the address is a private one', async () => {
    const submit = async (options: object, url: string) => {
      await using fixture = await serve(createFakeEngine(), options);
      const call = fixture.api.jobs.submit.mutate({ prompt: 'x', idempotencyKey: newKey(), webhook: { url } });
      return await failureOf(call);
    };
    assert.match((await submit({}, 'https://app.example')).message, /SAFELIGHT_WEBHOOK_SECRETS/);
    const secrets = { webhookSecrets: [SECRET] };
    for (const url of ['http://app.example', 'https://127.0.0.1', 'https://[::1]/', 'https://169.254.169.254/latest']) {
      const refusal = await submit(secrets, url);
      assert.equal(refusal.field, 'webhook.url', url);
      assert.equal(refusal.code, 'invalid_input');
    }
    for (const url of ['ftp://app.example', 'https://me:pw@app.example', 'nowhere']) {
      assert.equal((await submit({ ...secrets, allowPrivateWebhooks: true }, url)).field, 'webhook.url', url);
    }
    await assert.rejects(serve(createFakeEngine(), { webhookSecrets: ['whsec_short'] }), { code: 'invalid_input' });
  });

  it('is another job than one without, under the same key', async () => {
    await using fixture = await serveWebhooks();
    const input = { prompt: 'x', idempotencyKey: newKey() };
    const webhook = { url: 'http://127.0.0.1:9' };
    const { id } = await fixture.api.jobs.submit.mutate({ ...input, webhook });
    assert.equal((await fixture.api.jobs.submit.mutate({ ...input, webhook })).id, id);
    assert.equal((await failureOf(fixture.api.jobs.submit.mutate(input))).code, 'conflict');
  });
});

describe('sending a webhook', () => {
  const send = (url: string, allowsPrivate = true) =>
    sendWebhook({
      ...{ url, id: 'job_1', body: '{}', sign: createWebhookSigner([SECRET]), allowsPrivate },
      ...{ now: () => 0, signal: never },
    });

  it('succeeds with any 2xx, gives up on 410, and follows no redirect', async () => {
    await using receiver = await startReceiver([204, 410, 302, 500]);
    assert.equal((await send(receiver.url)).outcome, 'delivered');
    assert.equal((await send(receiver.url)).outcome, 'refused');
    assert.deepEqual(await send(receiver.url), { outcome: 'failed', reason: 'status 302' });
    assert.deepEqual(await send(receiver.url), { outcome: 'failed', reason: 'status 500' });
    assert.equal(receiver.received.length, 4);
  });

  it('fails where nobody listens, without naming the address', async () => {
    const receiver = await startReceiver();
    await receiver[Symbol.asyncDispose]();
    assert.deepEqual(await send(receiver.url), { outcome: 'failed', reason: 'ECONNREFUSED' });
  });

  it('never connects to a private address, also not by a name', async () => {
    assert.equal((await send('https://localhost:1', false)).outcome, 'refused');
    assert.equal((await send('https://127.0.0.1:1', false)).outcome, 'refused');
    assert.equal((await send('http://example.com', false)).outcome, 'refused');
  });
});

describe('a private address', () => {
  it('is told from a public one', () => {
    const priv = ['127.0.0.1', '10.1.2.3', '172.31.0.1', '192.168.1.1', '169.254.169.254', '0.0.0.0', '100.64.0.1'];
    priv.push('255.255.255.255', '::1', '::', 'fe80::1', 'fd00::1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '64:ff9b::1');
    priv.push('2002:7f00:1::', 'ff02::1', '2001:db8::1', 'no address', '');
    for (const address of priv) assert.equal(isPublicAddress(address), false, address);
    for (const address of ['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111']) {
      assert.equal(isPublicAddress(address), true, address);
    }
  });

  it('is seen however it is written in a URL', () => {
    for (const host of ['2130706433', '0x7f.1', '127.1', '[::ffff:7f00:1]', '[fe80::1]', '0']) {
      assert.equal(isAllowedWebhookUrl(`https://${host}/`, false), false, host);
    }
    assert.equal(isAllowedWebhookUrl('https://app.example/hook', false), true);
  });

  it('among several answers for a name refuses the name', async () => {
    const answer = (...addresses: string[]) => {
      const lookup = createPublicLookup(((_host: string, _options: object, done: (...results: unknown[]) => void) =>
        done(
          null,
          addresses.map((address) => ({ address, family: 4 })),
        )) as never);
      return new Promise<unknown>((resolve) =>
        lookup('app.example', {}, (error, address) => resolve(error?.name ?? address)),
      );
    };
    assert.equal(await answer('8.8.8.8', '10.0.0.1'), 'PrivateAddressError');
    assert.equal(await answer(), 'PrivateAddressError');
    assert.equal(await answer('8.8.8.8', '8.8.4.4'), '8.8.8.8');
  });
});

test('tries go on for some three days, with growing pauses', () => {
  const pauses: number[] = [];
  for (let tries = 1; ; tries++) {
    const pause = nextWebhookTryMs(tries, () => 0);
    if (pause === undefined) break;
    assert.ok(pause > (pauses.at(-1) ?? 0));
    pauses.push(pause);
  }
  assert.equal(pauses[0], 5000);
  assert.equal(Math.round(pauses.reduce((sum, pause) => sum + pause, 0) / 3_600_000), 76);
  assert.equal(
    nextWebhookTryMs(1, () => 1),
    6000,
  );
});
