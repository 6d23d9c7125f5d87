import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createA1111Api } from '../../../function/src/api/compat/a1111/api.ts';
import { createOpenAiApi } from '../../../function/src/api/compat/openai/api.ts';
import { createApiDocument } from '../../../function/src/api/docs/document.ts';
import { describeFields } from '../../../function/src/api/docs/schema-text.ts';
import { createFakeEngine } from '../jobs/fake-engine.ts';
import { serve } from './serve-fixture.ts';

const get = async (url: string, init?: RequestInit) => {
  const answer = await fetch(url, init);
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
};

/** Paths that only say that there is nothing, so that programs can start. */
const isStub = (path: string) =>
  /\/(refresh-\w+|skip|sd-vae|sd-modules|hypernetworks|face-restorers|realesrgan-models|prompt-styles|loras|embeddings|scripts|script-info|extensions|cmd-flags)$/.test(
    path,
  );

test('the document describes every route of the compatible APIs, and no other', () => {
  const routes = [createOpenAiApi(), createA1111Api()].flatMap(({ app }) =>
    app.routes.map(({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/, '{$1}')}`),
  );
  const { paths } = createApiDocument('/', '1.2.3');
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  assert.deepEqual(
    described.filter((route) => !route.includes('/trpc/')).sort(),
    routes.filter((route) => !isStub(route)).sort(),
  );
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  const ids = operations.map((operation) => (operation as unknown as { operationId: string }).operationId);
  assert.equal(new Set(ids).size, ids.length);
});

test('a server hands out its document and a page about it, to those without a key too', async () => {
  await using opened = await serve(createFakeEngine(), { apiKeys: ['a-key-that-nobody-guesses'], version: '1.2.3' });
  const { url } = opened.server;
  const document = JSON.parse((await get(`${url}/openapi.json`)).text);
  assert.equal(document.info.version, '1.2.3');
  assert.deepEqual(document.paths['/v1/images/generations'].post.tags, ['OpenAI']);
  assert.deepEqual(document.paths['/trpc/jobs.submit'].post.tags, ['Safelight']);

  const page = await get(`${url}/docs`);
  assert.equal(page.status, 200);
  for (const path of Object.keys(document.paths)) assert.ok(page.text.includes(`<code>${path}</code>`), path);
  // Not `match` and `doesNotMatch`: they would print the page.
  assert.ok(
    /<code>guidanceScale<\/code> <i>optional<\/i><\/th><td><code>number<\/code><\/td><td>0 to 100/.test(page.text),
  );
  assert.ok(page.text.length < 300_000, String(page.text.length));
  // The policy lets neither scripts nor styles in but the server's own.
  assert.match(
    page.headers.get('content-security-policy') ?? '',
    /default-src 'none'; script-src 'self'; style-src 'self'/,
  );
  assert.ok(!/<script|<style|style=|\son\w+=|https?:\/\//.test(page.text));
  const [, style = ''] = /<link rel="stylesheet" href="([^"]+)">/.exec(page.text) ?? [];
  assert.match((await get(url + style)).headers.get('content-type') ?? '', /^text\/css/);

  assert.equal((await get(`${url}/docs`, { method: 'POST' })).status, 400);
  assert.equal((await get(`${url}/docs`, { method: 'HEAD' })).text, '');
  assert.ok(opened.log.some((line) => line.includes('"route":"docs"')));
});

test('fields are told with their types, bounds and defaults', () => {
  const schema = {
    type: 'object',
    required: ['mode'],
    properties: {
      mode: { enum: ['a', 'b'], default: 'a' },
      steps: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
      items: {
        type: 'array',
        items: { oneOf: [{ type: 'object', properties: { id: { const: 'x' } } }, { type: 'null' }] },
      },
    },
  };
  assert.deepEqual(
    describeFields(schema).map(({ name, type, isRequired, note }) => [name, type, isRequired, note]),
    [
      ['mode', '"a" | "b"', true, 'default "a"'],
      ['steps', 'integer', false, 'from 1'],
      ['items', '(object | null)[]', false, ''],
      ['items[].id', '"x"', false, ''],
    ],
  );
});
