/** OpenAI's own client, pointed at a Safelight server. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Job } from '@safelight/sdk/contract';
import {
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  NotFoundError,
  RateLimitError,
} from 'openai';
import { FunctionError } from '../../../../function/src/errors.ts';
import { fakeImageData } from '../../jobs/fake-engine.ts';
import { rawGet } from '../serve-fixture.ts';
import { failureOf, KEY, open } from './openai-fixture.ts';

describe('images.generate', () => {
  test('answers with pictures in base64', async () => {
    await using opened = await open();
    const { data, created, size, output_format } = await opened.openai.images.generate({
      model: 'gpt-image-1',
      prompt: 'a red apple',
      n: 2,
    });
    assert.deepEqual(
      data?.map(({ b64_json }) => Buffer.from(b64_json ?? '', 'base64')),
      [42, 43].map((seed) => Buffer.from(fakeImageData(seed))),
    );
    assert.ok(Math.abs(created - Date.now() / 1000) < 60);
    assert.deepEqual([size, output_format], ['64x64', 'png']);
  });

  test('answers with URLs that work without a key', async () => {
    await using opened = await open({}, { apiKeys: [KEY] });
    const { data } = await opened.openai.images.generate({
      model: 'dall-e-3',
      prompt: 'a fox',
      response_format: 'url',
    });
    const answer = await fetch(data?.[0]?.url ?? '');
    assert.equal(answer.headers.get('content-type'), 'image/png');
    assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), fakeImageData(42));
  });

  test('a model of OpenAI is the default one, and says how pictures are answered unless asked', async () => {
    await using opened = await open();
    const formatOf = async (model?: string, response_format?: 'url' | 'b64_json') => {
      const { data } = await opened.openai.images.generate({
        prompt: 'a fox',
        ...(model && { model }),
        ...(response_format && { response_format }),
      });
      return Object.keys(data?.[0] ?? {})
        .sort()
        .join();
    };
    assert.equal(await formatOf(), 'seed,url');
    assert.equal(await formatOf('dall-e-2'), 'seed,url');
    assert.equal(await formatOf('gpt-image-1-mini'), 'b64_json,seed');
    assert.equal(await formatOf('fake'), 'seed,url');
    assert.equal(await formatOf('fake', 'b64_json'), 'b64_json,seed');
    assert.deepEqual(new Set(opened.drawn.map(({ model }) => model)), new Set(['fake']));
  });

  test('sizes are drawn as asked, or in the same shape where the model cannot', async () => {
    await using opened = await open();
    for (const size of ['auto', '256x128', '100x70', '1024x1024', '1792x1024'] as const)
      await opened.openai.images.generate({ prompt: 'a fox', size: size as 'auto' });
    assert.deepEqual(
      opened.drawn.map(({ width, height }) => `${width}x${height}`),
      // The fake's own size is 64x64, which is also the smallest.
      ['64x64', '256x128', '104x72', '64x64', '88x64'],
    );
  });

  test('takes the fields of the contract too, in either spelling, and says which it does not know', async () => {
    await using opened = await open();
    await opened.openai.images.generate({
      prompt: 'a fox',
      output_format: 'webp',
      quality: 'high',
      style: 'vivid',
      background: 'auto',
      moderation: 'low',
      user: 'somebody',
      ...{ steps: 7, seed: 9, negative_prompt: 'blur', guidanceScale: 3, sampler: 'euler' },
    });
    const [drawn] = opened.drawn;
    assert.deepEqual(
      [drawn?.steps, drawn?.seed, drawn?.negativePrompt, drawn?.guidanceScale, drawn?.sampler, drawn?.format],
      [7, 9, 'blur', 3, 'euler', 'webp'],
    );
    const failure = await failureOf(opened.openai.images.generate({ prompt: 'a fox', ...{ stepz: 3 } }));
    assert.ok(failure instanceof BadRequestError);
    assert.deepEqual([failure.param, failure.type], ['stepz', 'invalid_request_error']);
  });

  test('refuses what it cannot do, naming the parameter', async () => {
    await using opened = await open();
    const refusals = [
      [{ n: 17 }, 'n'],
      [{ n: 0 }, 'n'],
      [{ size: 'large' }, 'size'],
      [{ size: '0x64' }, 'size'],
      [{ response_format: 'jpeg' }, 'response_format'],
      [{ output_format: 'gif' }, 'output_format'],
      [{ background: 'transparent' }, 'background'],
      [{ stream: true }, 'stream'],
      [{ prompt: ' ' }, 'prompt'],
      [{ prompt: undefined }, 'prompt'],
      [{ prompt: 7 }, 'prompt'],
      [{ negative_prompt: 7 }, 'negative_prompt'],
      [{ guidance_scale: 1000 }, 'guidance_scale'],
    ] as const;
    for (const [fields, param] of refusals) {
      const failure = await failureOf(opened.openai.images.generate({ prompt: 'a fox', ...fields } as never));
      assert.deepEqual([failure.status, failure.param], [400, param], failure.message);
      assert.match(failure.message, new RegExp(param === 'stream' ? 'stream' : param), failure.message);
    }
    assert.equal(opened.drawn.length, 0);
  });
});

describe("the client's errors", () => {
  test('an unknown model is not found', async () => {
    await using opened = await open();
    const failure = await failureOf(opened.openai.images.generate({ prompt: 'a fox', model: 'sdxl' }));
    assert.ok(failure instanceof NotFoundError);
    assert.deepEqual([failure.code, failure.param], ['model_not_found', 'model']);
    assert.match(failure.message, /fake/);
    assert.ok((await failureOf(opened.openai.models.retrieve('sdxl'))) instanceof NotFoundError);
    assert.ok(
      (await failureOf(opened.openai.chat.completions.create({ model: 'fake', messages: [] }))) instanceof
        NotFoundError,
    );
  });

  test('a wrong key is an authentication error, and is not retried', async () => {
    await using opened = await open({}, { apiKeys: [KEY] }, { apiKey: 'another-key-of-some-length' });
    const failure = await failureOf(opened.openai.images.generate({ prompt: 'a fox' }));
    assert.ok(failure instanceof AuthenticationError);
    assert.equal(failure.code, 'invalid_api_key');
    assert.ok(failure.requestID);
    assert.equal(opened.log.filter((line) => line.includes('"request"')).length, 1);
  });

  test('a job that fails for good is an error of the server that is not retried; a passing one is', async () => {
    let calls = 0;
    const broken = {
      onGenerate: () => {
        calls++;
        throw new FunctionError('model_corrupt', 'The model is damaged: download it again');
      },
    };
    await using opened = await open(broken);
    const failure = await failureOf(opened.openai.images.generate({ prompt: 'a fox' }));
    assert.deepEqual([failure.status, failure.code, failure.type], [500, 'model_corrupt', 'server_error']);
    assert.match(failure.message, /The model is damaged/);
    assert.equal(calls, 1);

    await using full = await open({ stepMs: 50 }, { maxQueued: 1 }, { maxRetries: 0 });
    const waiting = [1, 2, 3, 4].map((seed) => full.openai.images.generate({ prompt: 'a fox', ...{ seed } }));
    const refused = (await Promise.allSettled(waiting)).find(({ status }) => status === 'rejected');
    assert.ok(refused?.status === 'rejected' && refused.reason instanceof RateLimitError);
    assert.equal(refused.reason.headers.get('x-should-retry'), 'true');
    assert.ok(Number(refused.reason.headers.get('retry-after')) > 0);
  });

  test('an idempotency key draws once, and once only with the same input', async () => {
    await using opened = await open();
    const options = { headers: { 'Idempotency-Key': 'order 66' } };
    const first = await opened.openai.images.generate({ prompt: 'a fox', model: 'gpt-image-1' }, options);
    const second = await opened.openai.images.generate({ prompt: 'a fox', model: 'gpt-image-1' }, options);
    assert.deepEqual(second.data, first.data);
    assert.equal(opened.drawn.length, 1);
    const conflict = await failureOf(opened.openai.images.generate({ prompt: 'a dog' }, options));
    assert.ok(conflict instanceof ConflictError);
    assert.equal(opened.log.filter((line) => line.includes('"status":409')).length, 1, 'a conflict was retried');
  });
});

describe('a caller who goes away', () => {
  const stateAfter = async (opened: Awaited<ReturnType<typeof open>>, isDone: (job: Job) => boolean) => {
    for (;;) {
      const { jobs } = await opened.api.jobs.list.query({});
      if (jobs[0] && isDone(jobs[0])) return jobs[0].status;
      await delay(20);
    }
  };
  const leave = async (opened: Awaited<ReturnType<typeof open>>, headers: Record<string, string> = {}) => {
    const leaving = new AbortController();
    const call = opened.openai.images.generate(
      { prompt: 'a fox', ...{ steps: 400 } },
      { signal: leaving.signal, headers },
    );
    const failure = failureOf(call);
    await stateAfter(opened, ({ status }) => status === 'running');
    leaving.abort();
    assert.ok((await failure) instanceof APIUserAbortError);
    return await stateAfter(opened, ({ status }) => status !== 'running');
  };

  test('cancels the job', async () => {
    await using opened = await open({ stepMs: 20 }, { heartbeatMs: 50 });
    assert.equal(await leave(opened), 'canceled');
    assert.ok(opened.log.some((line) => line.includes('"status":499')));
  });

  test('with an idempotency key finds it finished', async () => {
    await using opened = await open({ stepMs: 2 });
    const headers = { 'Idempotency-Key': 'order-67' };
    assert.equal(await leave(opened, headers), 'succeeded');
    await opened.openai.images.generate({ prompt: 'a fox', ...{ steps: 400 } }, { headers });
    assert.equal(opened.drawn.length, 1);
  });
});

test('models.list has the models of the server; models.retrieve knows the aliases too', async () => {
  await using opened = await open();
  const ids: string[] = [];
  for await (const model of opened.openai.models.list()) ids.push(model.id);
  assert.deepEqual(ids, ['fake']);
  assert.equal((await opened.openai.models.retrieve('fake')).object, 'model');
  assert.equal((await opened.openai.models.retrieve('dall-e-3')).id, 'dall-e-3');
});

test('strangers are turned away before their body is read, and too long bodies at any time', async () => {
  await using opened = await open({}, { apiKeys: [KEY] });
  const post = (headers: Record<string, string>, body: BodyInit) =>
    fetch(`${opened.server.url}/v1/images/generations`, { method: 'POST', headers, body, ...{ duplex: 'half' } });
  const authorization = `Bearer ${KEY}`;
  assert.equal((await post({}, 'x'.repeat(100))).status, 401);
  const endless = () =>
    new ReadableStream(
      { pull: (controller) => controller.enqueue(new Uint8Array(2 ** 20).fill(32)) },
      { highWaterMark: 0 },
    );
  const answer = await post({ authorization }, endless()).then(
    ({ status }) => status,
    () => 'cut off',
  );
  assert.ok(answer === 413 || answer === 'cut off', String(answer));
  const broken = await post({ authorization }, '{"prompt": "a secret fox"');
  assert.equal(broken.status, 400);
  assert.doesNotMatch(await broken.text(), /secret/);
  assert.equal((await post({ authorization }, '[]')).status, 400);
  assert.doesNotMatch(opened.log.join('\n'), /secret|nobody-guesses/);
});

test('a page of an allowed origin may send what the client sends in a browser', async () => {
  await using opened = await open({}, { corsOrigins: ['https://app.example'] });
  const { headers } = await rawGet(
    `${opened.server.url}/v1/images/generations`,
    {
      origin: 'https://app.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,x-stainless-os,x-stainless-retry-count,x-evil',
    },
    'OPTIONS',
  );
  const allowed = headers['access-control-allow-headers'] ?? '';
  assert.match(allowed, /x-stainless-os, x-stainless-retry-count/);
  assert.doesNotMatch(allowed, /evil/);
});
