import assert from 'node:assert/strict';
import { test } from 'node:test';
import { samplerSchema } from '@safelight/sdk/contract';
import { apiProcedures, createOpenApiDocument } from '@safelight/sdk/openapi';
import { appRouter } from '../../function/src/api/router.ts';

test('the OpenAPI document describes every procedure of the router, with its own schemas', () => {
  const router = appRouter._def.procedures as unknown as Record<
    string,
    { _def: { type: string; inputs: unknown[]; output?: unknown } }
  >;
  assert.deepEqual(Object.keys(apiProcedures).sort(), Object.keys(router).sort());
  for (const [path, { _def }] of Object.entries(router)) {
    assert.equal(apiProcedures[path]?.type, _def.type, path);
    assert.equal(apiProcedures[path]?.input, _def.inputs[0], path);
  }
});

/** What lies at a path in a JSON document. */
function at(document: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);
}

test('the OpenAPI document is plain JSON with a schema for every input, answer and error', () => {
  const document = createOpenApiDocument('https://pictures.example.com');
  assert.deepEqual(JSON.parse(JSON.stringify(document)), document);
  assert.deepEqual(document.servers, [{ url: 'https://pictures.example.com' }]);
  const json = 'application/json';
  const submit = at(document, 'paths', '/trpc/jobs.submit', 'post', 'requestBody', 'content', json, 'schema');
  assert.deepEqual(at(submit, 'required'), ['prompt', 'idempotencyKey']);
  assert.equal(at(submit, 'additionalProperties'), false);
  assert.deepEqual(at(submit, 'properties', 'sampler', 'examples'), samplerSchema.options);
  assert.deepEqual(at(submit, 'properties', 'steps'), { type: 'integer', minimum: 1, maximum: 1000 });
  assert.deepEqual(at(submit, 'properties', 'width'), { type: 'integer', minimum: 64, maximum: 2048, multipleOf: 8 });
  assert.deepEqual(at(submit, 'properties', 'strength'), { type: 'number', minimum: 0, maximum: 1 });
  const responses = (path: string) => at(document, 'paths', `/trpc/${path}`, 'get', 'responses');
  const job = at(responses('jobs.get'), 200, 'content', json, 'schema', 'properties', 'result', 'properties', 'data');
  assert.deepEqual(
    (at(job, 'oneOf') as object[]).map((state) => at(state, 'properties', 'status', 'const')),
    ['queued', 'running', 'succeeded', 'failed', 'canceled'],
  );
  assert.ok(at(responses('jobs.watch'), 200, 'content', 'text/event-stream'));
  assert.equal(at(document, 'components', 'schemas', 'Error', 'type'), 'object');
});
