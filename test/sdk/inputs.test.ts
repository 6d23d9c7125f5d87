import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSafelight, InvalidInputError, type SafelightOptions } from '@safelight/sdk';
import { createFakeFetch, success } from './support/fake-fetch.ts';
import { JOB_ID, queuedJob } from './support/jobs.ts';
import { reasonOf } from './support/reason-of.ts';

function setUp(options: Partial<SafelightOptions> = {}) {
  const { fetch, requests } = createFakeFetch(() => success(queuedJob()));
  return { client: createSafelight({ endpoint: 'https://api.example', fetch, ...options }), requests };
}

describe('input that the contract does not allow', () => {
  const wrong: [string, object, string | undefined, RegExp][] = [
    ['an empty prompt', { prompt: ' ' }, 'prompt', /prompt is empty/],
    ['no prompt', {}, 'prompt', /prompt must be a text/],
    ['a width that is no multiple of 8', { prompt: 'x', width: 100 }, 'width', /multiple of 8/],
    ['zero steps', { prompt: 'x', steps: 0 }, 'steps', /from 1 to 1000/],
    ['a misspelt field', { prompt: 'x', guidance: 7 }, 'guidance', /unknown field: guidance/],
    ['a short idempotency key', { prompt: 'x' }, 'idempotencyKey', /8 to 128/],
  ];
  for (const [what, input, field, message] of wrong) {
    it(`(${what}) is rejected with its field before anything is sent`, async () => {
      const { client, requests } = setUp();
      const options = field === 'idempotencyKey' ? { idempotencyKey: 'short' } : {};
      for (const call of [client.generate, client.submit]) {
        const error = await reasonOf(call(input as { prompt: string }, options));
        assert.ok(InvalidInputError.isInstance(error));
        assert.equal(error.field, field);
        assert.match(error.message, message);
      }
      assert.equal(requests.length, 0);
    });
  }

  it('includes ids that are none, and pages that are too long', async () => {
    const { client, requests } = setUp();
    await assert.rejects(client.get('../health'), { field: 'jobId' });
    await assert.rejects(client.resume(''), { field: 'jobId' });
    await assert.rejects(client.cancel('x'), { field: 'jobId' });
    await assert.rejects(client.models.get('A B'), { field: 'model' });
    await assert.rejects(client.images.sign(JOB_ID, 37), { field: 'index' });
    await assert.rejects(client.list({ limit: 101 }), { field: 'limit' });
    await assert.rejects(client.get(JOB_ID, { deadlineMs: -1 }), { field: 'deadlineMs' });
    await assert.rejects(client.get(JOB_ID, { deadlineMs: Number.NaN }), { field: 'deadlineMs' });
    assert.equal(requests.length, 0);
  });

  it('keeps zero where zero is a value', async () => {
    const { client, requests } = setUp();
    await client.submit({ prompt: 'x', seed: 0, guidanceScale: 0, eta: 0 });
    const body = requests[0]?.body as Record<string, unknown>;
    assert.deepEqual([body.seed, body.guidanceScale, body.eta], [0, 0, 0]);
  });
});

describe('options', () => {
  const wrong: [string, Partial<SafelightOptions>, string][] = [
    ['no address', { endpoint: '' }, 'endpoint'],
    ['another scheme', { endpoint: 'file:///etc/passwd' }, 'endpoint'],
    ['a password in the address', { endpoint: 'https://me:pw@api.example' }, 'endpoint'],
    ['a query in the address', { endpoint: 'https://api.example?key=1' }, 'endpoint'],
    ['an empty key', { apiKey: '' }, 'apiKey'],
    ['fractional retries', { maxRetries: 1.5 }, 'maxRetries'],
    ['negative retries', { maxRetries: -1 }, 'maxRetries'],
    ['a time-out that is no number', { requestTimeoutMs: Number.NaN }, 'requestTimeoutMs'],
    ['a negative time-out', { transferTimeoutMs: -1 }, 'transferTimeoutMs'],
  ];
  for (const [what, options, field] of wrong) {
    it(`with ${what} are refused`, () => {
      assert.throws(
        () => setUp(options),
        (error) => InvalidInputError.isInstance(error) && error.field === field,
      );
    });
  }

  it('may have slashes and a path at the end of the address', async () => {
    const { client, requests } = setUp({ endpoint: new URL('https://api.example/stage//') });
    await client.get(JOB_ID);
    assert.match(requests[0]?.url ?? '', /^https:\/\/api\.example\/stage\/trpc\/jobs\.get\?/);
  });

  it('send the key as a bearer token, and none without one', async () => {
    const withKey = setUp({ apiKey: 'sk-1' });
    await withKey.client.get(JOB_ID);
    assert.equal(withKey.requests[0]?.headers.get('authorization'), 'Bearer sk-1');
    const withoutKey = setUp();
    await withoutKey.client.get(JOB_ID);
    assert.equal(withoutKey.requests[0]?.headers.has('authorization'), false);
  });
});
