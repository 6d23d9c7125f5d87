import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvalidInputError, InvalidWebhookError, verifyWebhook } from '@safelight/sdk';
import { Webhook } from 'standardwebhooks';
import { JOB_ID } from './support/jobs.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const OLD_SECRET = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const NOW = Date.parse('2026-01-01T00:00:00Z');
const now = () => NOW;
const event = { type: 'job.succeeded', timestamp: '2026-01-01T00:00:00.000Z', data: { jobId: JOB_ID } };

/** Signed by the reference implementation. */
function message({ secrets = [SECRET], sentAt = NOW, body = JSON.stringify(event), id = 'job_1' } = {}) {
  const signatures = secrets.map((secret) => new Webhook(secret).sign(id, new Date(sentAt), body));
  return {
    headers: {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(sentAt / 1000)),
      'webhook-signature': signatures.join(' '),
    },
    body,
  };
}

const isRefused = (promise: Promise<unknown>, pattern: RegExp) =>
  assert.rejects(promise, (error) => InvalidWebhookError.isInstance(error) && pattern.test(error.message));

describe('a webhook', () => {
  it('is read from a Request, and from plain headers with a body of text or bytes', async () => {
    const { headers, body } = message();
    const expected = { id: 'job_1', ...event };
    const request = new Request('https://app.example', { method: 'POST', headers, body });
    assert.deepEqual(await verifyWebhook(request, { secret: SECRET, now }), expected);
    assert.deepEqual(await verifyWebhook({ headers, body }, { secret: SECRET, now }), expected);
    const bytes = new TextEncoder().encode(body);
    assert.deepEqual(await verifyWebhook({ headers: new Headers(headers), body: bytes }, { secret: SECRET, now }), {
      ...expected,
    });
  });

  it('passes while a secret is replaced, whichever side starts', async () => {
    await verifyWebhook(message({ secrets: [OLD_SECRET, SECRET] }), { secret: SECRET, now });
    await verifyWebhook(message({ secrets: [OLD_SECRET] }), { secret: [SECRET, OLD_SECRET], now });
    await isRefused(verifyWebhook(message({ secrets: [OLD_SECRET] }), { secret: SECRET, now }), /signature/);
  });

  it('is refused when it is old, or from the future: a recorded one cannot be sent again', async () => {
    await verifyWebhook(message({ sentAt: NOW - 300_000 }), { secret: SECRET, now });
    await isRefused(verifyWebhook(message({ sentAt: NOW - 302_000 }), { secret: SECRET, now }), /too long ago/);
    await isRefused(verifyWebhook(message({ sentAt: NOW + 302_000 }), { secret: SECRET, now }), /too long ago/);
    await isRefused(
      verifyWebhook(message({ sentAt: NOW - 2000 }), { secret: SECRET, now, toleranceSeconds: 1 }),
      /too long ago/,
    );
    const { headers, body } = message();
    const freshened = { ...headers, 'webhook-timestamp': String(NOW / 1000 + 1) };
    await isRefused(verifyWebhook({ headers: freshened, body }, { secret: SECRET, now }), /signature/);
  });

  it('is refused when anything of it was changed or is missing', async () => {
    const { headers, body } = message();
    const check = (changed: object, text = body) =>
      verifyWebhook({ headers: { ...headers, ...changed }, body: text }, { secret: SECRET, now });
    await isRefused(check({}, body.replace('succeeded', 'failed')), /signature/);
    await isRefused(check({ 'webhook-id': 'job_2' }), /signature/);
    await isRefused(check({ 'webhook-id': undefined }), /webhook-id is missing/);
    await isRefused(check({ 'webhook-signature': '' }), /webhook-signature is missing/);
    await isRefused(check({ 'webhook-signature': headers['webhook-signature'].replace('v1,', 'v2,') }), /signature/);
    await isRefused(check({ 'webhook-signature': 'v1,%%%' }), /signature/);
    await isRefused(check({ 'webhook-timestamp': 'soon' }), /not a time/);
  });

  it('is refused when it is genuine but of a kind that this version does not know', async () => {
    for (const body of ['{}', 'no json', JSON.stringify({ ...event, type: 'job.painted' })]) {
      await isRefused(verifyWebhook(message({ body }), { secret: SECRET, now }), /not one that this version/);
    }
  });

  it('needs a secret that is one, and never names it', async () => {
    for (const secret of ['', 'whsec_', 'my-secret', 'whsec_%%%']) {
      await assert.rejects(verifyWebhook(message(), { secret, now }), (error) => {
        assert.ok(InvalidInputError.isInstance(error));
        assert.equal(error.field, 'secret');
        return secret === '' || !error.message.includes('my-secret');
      });
    }
  });
});
