import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Safety } from '@safelight/sdk/contract';
import { readWords, refuseWords } from '../../../function/src/api/blocked-words.ts';
import { createFakeEngine } from '../jobs/fake-engine.ts';
import { createTemporaryFolder } from '../jobs/temporary-folder.ts';
import { failureOf } from './api-client.ts';
import { finish, newKey, serve } from './serve-fixture.ts';

describe('what a safety checker says', () => {
  it('stands beside the picture in its job, also when it is read again', async () => {
    const safety: Safety = { isFlagged: true, policy: 'blur', conceptScores: [0.02], specialCareScores: [-0.1] };
    const engine = createFakeEngine({ model: { safetyChecker: true } });
    const generate = engine.generate.bind(engine);
    engine.generate = async (settings, options) => {
      const generation = await generate(settings, options);
      // As of a model without a checker, the second.
      const images = generation.images.map((image) => (image.index === 0 ? { ...image, safety } : image));
      return { ...generation, images };
    };
    await using fixture = await serve(engine);
    const wanted = { prompt: 'a fox', count: 2, safety: 'blur' as const, idempotencyKey: newKey() };
    const { id } = await fixture.api.jobs.submit.mutate(wanted);
    const seen = await finish(fixture.api, id);
    assert.ok(seen.status === 'succeeded');
    assert.deepEqual(
      seen.images.map((image) => image.safety),
      [safety, undefined],
    );
    const again = await fixture.api.jobs.get.query({ jobId: id });
    assert.ok(again.status === 'succeeded');
    assert.deepEqual(again.images[0]?.safety, safety);
  });
});

describe('prompts with blocked words', () => {
  const checkPrompt = refuseWords(['Hexe', 'black magic', '   ', 'naïve']);

  it('are refused before there is a job, by field, without being repeated', async () => {
    await using fixture = await serve(createFakeEngine(), { checkPrompt });
    const { api, log } = fixture;
    const failure = await failureOf(
      api.jobs.submit.mutate({ prompt: 'portrait of a (hexe:1.3)', idempotencyKey: newKey() }),
    );
    assert.equal(failure.code, 'invalid_input');
    assert.equal(failure.field, 'prompt');
    assert.doesNotMatch(failure.message + log.join(), /hexe|portrait/i);
    assert.deepEqual((await api.jobs.list.query({})).jobs, []);
    const { id } = await api.jobs.submit.mutate({
      prompt: 'a fox',
      negativePrompt: 'hexe',
      idempotencyKey: newKey(),
    });
    assert.equal((await finish(api, id)).status, 'succeeded');
  });

  it('are found whatever their case, what stands between them, and how accents are written', () => {
    for (const prompt of ['HEXE', 'a [hexe:fox:0.5]', 'Black   MAGIC', 'black-magic', 'so nai\u0308ve', '\uFF28exe']) {
      assert.throws(() => checkPrompt(prompt), { code: 'invalid_input' }, prompt);
    }
    for (const prompt of ['hexes', 'a hexagon', 'magic black', 'black cat, magic hat', 'naive']) checkPrompt(prompt);
  });

  it('come from a file: one a line, comments left out', async () => {
    await using folder = await createTemporaryFolder();
    const file = join(folder.path, 'words.txt');
    await writeFile(file, '# of a fairy tale\r\nhexe\n\nblack magic\n');
    assert.deepEqual(await readWords(file), ['hexe', 'black magic']);
    await assert.rejects(readWords(`${file}.gone`), { code: 'invalid_input', field: 'blockedWords' });
  });
});
