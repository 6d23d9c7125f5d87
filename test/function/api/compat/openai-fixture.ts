import assert from 'node:assert/strict';
import type { GenerateSettings } from '@safelight/sdk/contract';
import OpenAI, { APIError } from 'openai';
import { createFakeEngine, type FakeEngineOptions } from '../../jobs/fake-engine.ts';
import { serve } from '../serve-fixture.ts';

export const KEY = 'a-key-that-nobody-guesses';

/** A server, OpenAI's client for it, and what the engine was asked to draw. */
export const open = async (
  engine: FakeEngineOptions = {},
  options: Parameters<typeof serve>[1] = {},
  client: ConstructorParameters<typeof OpenAI>[0] = {},
) => {
  const drawn: GenerateSettings[] = [];
  const fake = createFakeEngine({
    ...engine,
    onGenerate(settings, call, signal) {
      drawn.push(settings);
      return engine.onGenerate?.(settings, call, signal);
    },
  });
  const served = await serve(fake, options);
  const openai = new OpenAI({ baseURL: `${served.server.url}/v1`, apiKey: KEY, ...client });
  return { ...served, openai, drawn, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
};

/** The error that a call rejects with, of a class of the client. */
export const failureOf = async (call: Promise<unknown>): Promise<APIError> => {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof APIError, String(error));
  return error;
};
