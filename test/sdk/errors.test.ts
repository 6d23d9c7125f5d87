import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import {
  createSafelight,
  InvalidInputError,
  InvalidResponseError,
  JobFailedError,
  NotFoundError,
  SafelightError,
} from '@safelight/sdk';
import { createClient } from '../../sdk/src/client.ts';
import { createFakeClock } from './support/fake-clock.ts';
import { createFakeFetch, failure, stream, success } from './support/fake-fetch.ts';
import { API_KEY, failedJob, JOB_ID, queuedJob, SECRET_PROMPT, succeededJob } from './support/jobs.ts';
import { reasonOf } from './support/reason-of.ts';

type Answer = () => Response | Promise<Response>;

function setUp(answer: Answer) {
  const clock = createFakeClock();
  const { fetch, requests } = createFakeFetch(answer);
  const options = { endpoint: 'https://api.example', apiKey: API_KEY, fetch, maxRetries: 0 };
  return { client: createClient(options, clock), clock, requests };
}

describe('an error answer', () => {
  for (const [code, status, name] of [
    ['invalid_input', 400, 'InvalidInputError'],
    ['payload_too_large', 413, 'InvalidInputError'],
    ['unauthorized', 401, 'AuthenticationError'],
    ['forbidden', 403, 'AuthenticationError'],
    ['not_found', 404, 'NotFoundError'],
    ['model_not_found', 404, 'NotFoundError'],
    ['conflict', 409, 'ConflictError'],
    ['rate_limited', 429, 'RateLimitError'],
    ['storage_full', 507, 'ServerError'],
    ['unavailable', 503, 'ServerError'],
    ['internal', 500, 'ServerError'],
  ] as const) {
    it(`of code ${code} becomes ${name}`, async () => {
      const { client } = setUp(() => failure(status, { code, field: 'steps' }, {}, 'steps is too high'));
      const error = await reasonOf(client.get(JOB_ID));
      assert.ok(SafelightError.isInstance(error) && error instanceof Error);
      assert.deepEqual(
        { name: error.name, code: error.code, status: error.status, message: error.message, field: error.field },
        { name, code, status, message: 'steps is too high', field: 'steps' },
      );
      assert.equal(error.requestId, 'req-1');
      assert.equal(error.jobId, JOB_ID);
    });
  }

  it('of a gateway shows its status and request id, not its page', async () => {
    const { client } = setUp(
      () => new Response('<h1>secret</h1>', { status: 502, headers: { 'x-request-id': 'gw-9' } }),
    );
    const error = await reasonOf(client.health());
    assert.ok(SafelightError.isInstance(error));
    assert.equal(error.message, 'The endpoint answered health with status 502');
    assert.deepEqual([error.code, error.requestId, error.isRetryable], ['unavailable', 'gw-9', true]);
  });

  it('with a code of a newer server falls back on the status', async () => {
    const body = { error: { code: 1, message: 'x', data: { safelight: { code: 'quantum', isRetryable: true } } } };
    const { client } = setUp(() => Response.json(body, { status: 404 }));
    assert.ok(NotFoundError.isInstance(await reasonOf(client.get(JOB_ID))));
  });

  it('that redirects says what to do, and is not followed', async () => {
    const { client, requests } = setUp(() => new Response(null, { status: 308, headers: { location: 'https://b' } }));
    const error = await reasonOf(client.health());
    assert.ok(InvalidResponseError.isInstance(error));
    assert.match(error.message, /configure that address as the endpoint/);
    assert.equal(requests.length, 1);
  });
});

describe('an answer that breaks the contract', () => {
  const broken: [string, Answer][] = [
    ['has a wrong type in it', () => success({ ...queuedJob(), attempt: 'one' })],
    ['lacks a part', () => success({ id: JOB_ID })],
    ['is null', () => success(null)],
    ['is no tRPC answer', () => Response.json({ hello: 'world' })],
    ['is JSON null', () => Response.json(null)],
    ['is a page', () => new Response('<html>Sign in to the wifi</html>')],
    ['is empty', () => new Response('')],
  ];
  for (const [what, answer] of broken) {
    it(`because it ${what} becomes InvalidResponseError`, async () => {
      const { client } = setUp(answer);
      const error = await reasonOf(client.get(JOB_ID));
      assert.ok(InvalidResponseError.isInstance(error), inspect(error));
      assert.equal(error.isRetryable, false);
      assert.doesNotMatch(inspect(error), /wifi|hello/);
    });
  }

  it('names the place that is wrong', async () => {
    const { client } = setUp(() => success({ ...queuedJob(), attempt: 'one' }));
    assert.match(((await reasonOf(client.get(JOB_ID))) as Error).message, /at "attempt"/);
  });

  it('ends waiting, also when it comes by the stream', async () => {
    const { client, clock } = setUp(() => success({ ...queuedJob(), attempt: 'one' }));
    const submitted = createClient(
      {
        endpoint: 'https://api.example',
        fetch: createFakeFetch(({ path }) => {
          if (path === 'jobs.submit') return success(queuedJob());
          return path === 'jobs.watch' ? stream([{ nonsense: true }]) : success({ nonsense: true });
        }).fetch,
      },
      clock,
    ).generate({ prompt: 'x' });
    await clock.runUntilSettled(submitted);
    assert.ok(InvalidResponseError.isInstance(await reasonOf(submitted)));
    assert.ok(client);
  });
});

describe('no error shows a prompt, key, signed URL or query', () => {
  const secrets = new RegExp([SECRET_PROMPT, API_KEY, 'signature=secret', 'input='].join('|'));
  const answers: [string, Answer][] = [
    ['a wrong answer', () => success({ ...succeededJob(), attempt: 'one' })],
    ['JSON cut short', () => new Response(JSON.stringify({ result: { data: succeededJob() } }).slice(0, 300))],
    ['a gateway that echoes', () => new Response(`${SECRET_PROMPT} Bearer ${API_KEY}`, { status: 500 })],
    [
      'a fetch that quotes the address',
      () =>
        Promise.reject(new TypeError('request to https://api.example/x?input=%7B failed, Bearer sk-very-secret-key')),
    ],
    [
      'a fetch whose cause quotes it',
      () => Promise.reject(new TypeError('fetch failed', { cause: new Error('GET /x?signature=secret') })),
    ],
  ];
  for (const [what, answer] of answers) {
    it(`after ${what}`, async () => {
      const { client } = setUp(answer);
      for (const error of [
        await reasonOf(client.submit({ prompt: SECRET_PROMPT })),
        await reasonOf(client.get(JOB_ID)),
        await reasonOf(client.images.arrayBuffer({ jobId: JOB_ID, index: 0 })),
      ]) {
        assert.doesNotMatch(inspect(error, { depth: 9 }), secrets);
        assert.doesNotMatch(JSON.stringify(error), secrets);
      }
    });
  }

  it('after a failed job, whose record is still there to be read', () => {
    const error = new JobFailedError(failedJob() as ConstructorParameters<typeof JobFailedError>[0]);
    assert.doesNotMatch(inspect(error, { depth: 9 }), secrets);
    assert.equal(error.job.settings.prompt, SECRET_PROMPT);
  });

  it('after a key that cannot be sent', () => {
    assert.throws(
      () => createSafelight({ endpoint: 'https://api.example', apiKey: `${API_KEY}\n` }),
      (error) => InvalidInputError.isInstance(error) && error.field === 'apiKey' && !secrets.test(inspect(error)),
    );
  });
});

describe('errors of another copy of the package', () => {
  it('are recognised', async () => {
    const path = '../../sdk/src/errors/not-found-error.ts?other-copy';
    const other = (await import(path)) as { NotFoundError: typeof NotFoundError };
    const error = new other.NotFoundError('no such job', { code: 'not_found' });
    assert.equal(error instanceof NotFoundError, false);
    assert.ok(NotFoundError.isInstance(error));
    assert.ok(SafelightError.isInstance(error));
    assert.ok(!InvalidInputError.isInstance(error));
  });

  it('are not mistaken for others', () => {
    for (const value of [undefined, null, 'NotFoundError', {}, new Error('x'), { name: 'NotFoundError' }]) {
      assert.equal(SafelightError.isInstance(value), false);
      assert.equal(NotFoundError.isInstance(value), false);
    }
  });
});
