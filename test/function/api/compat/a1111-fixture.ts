import type { GenerateSettings } from '@safelight/sdk/contract';
import sharp from 'sharp';
import * as client from 'stable-diffusion-api';
import { createFakeEngine, type FakeEngineOptions } from '../../jobs/fake-engine.ts';
import { serve } from '../serve-fixture.ts';

export const KEY = 'a-key-that-nobody-guesses';

/** A server, a client for it, and what the engine was asked to draw. */
export const open = async (engine: FakeEngineOptions = {}, options: Parameters<typeof serve>[1] = {}) => {
  const drawn: GenerateSettings[] = [];
  const fake = createFakeEngine({ ...engine, onGenerate: (settings) => void drawn.push(settings) });
  const served = await serve(fake, options);
  const a1111 = new client.StableDiffusionApi({ baseUrl: served.server.url });
  const call = async (path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${served.server.url}/sdapi/v1/${path}`, {
      headers,
      ...(body === undefined ? {} : { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
  };
  return { ...served, a1111, drawn, call, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
};

/** A red picture of 64×64. */
export const picture = () => sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } });
