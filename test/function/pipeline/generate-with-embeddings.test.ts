import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { GenerateSettings } from '@safelight/sdk/contract';
import sharp from 'sharp';
import { openSafetensors } from '../../../function/src/checkpoint/safetensors.ts';
import { createEngine } from '../../../function/src/create-engine.ts';
import type { Engine } from '../../../function/src/engine.ts';
import { createClipTokenizerJson } from '../../../function/src/pipeline/clip-tokenizer-json.ts';
import { createTokenizer } from '../../../function/src/pipeline/tokenizer.ts';
import { embeddedModelFolder, sharedCacheDir, temporaryFolder } from '../../support/embedded-model.ts';
import { quickSettings } from '../../support/settings.ts';
import { encodeSafetensors, encodeTorchZip, floats } from '../checkpoint/checkpoint-writer.ts';

const WIDTH = 64;
const TABLE = 'cond_stage_model.transformer.text_model.embeddings.token_embedding.weight';

describe('pictures of prompts that name embeddings', () => {
  let engine: Engine;
  let folder: string;
  const cleanUps: (() => Promise<void>)[] = [];

  before(async () => {
    folder = join(await temporaryFolder({ after: (cleanUp) => cleanUps.push(cleanUp) }), 'embeddings');
    await mkdir(folder);
    engine = await createEngine({ cacheDir: sharedCacheDir, embeddingsDir: folder });
    await writeFile(
      join(folder, 'Zz-Apple.safetensors'),
      encodeSafetensors(new Map([['emb_params', await rowsOf('red apple')]])),
    );
    await writeFile(
      join(folder, 'zz-dog.pt'),
      encodeTorchZip(new Map([['*', await rowsOf('dog')]]), ['string_to_param']),
    );
    await writeFile(
      join(folder, 'v1.safetensors'),
      encodeSafetensors(new Map([['a', floats([768], new Array(768).fill(0))]])),
    );
    await copyFile(
      join(import.meta.dirname, '../../fixtures/checkpoints/torch-2.9/os-system.zip.ckpt'),
      join(folder, 'evil.pt'),
    );
  });
  after(async () => {
    await engine.close();
    for (const cleanUp of cleanUps) await cleanUp();
  });

  const draw = (changes: Partial<GenerateSettings>) =>
    engine.generate(quickSettings({ promptSyntax: 'a1111', ...changes }));
  const pixels = async (changes: Partial<GenerateSettings>) => {
    const { images } = await draw(changes);
    return createHash('sha256')
      .update(await sharp(images[0]?.data).raw().toBuffer())
      .digest('hex');
  };
  const parameters = async (changes: Partial<GenerateSettings>) => {
    const { images } = await draw(changes);
    const { comments } = await sharp(images[0]?.data).metadata();
    return comments?.find(({ keyword }) => keyword === 'parameters')?.text ?? '';
  };

  test('an embedding of the rows of tokens draws what those tokens draw, to the byte', async () => {
    const plain = await pixels({ prompt: 'a red apple' });
    assert.equal(await pixels({ prompt: 'a zz-apple' }), plain);
    assert.equal(await pixels({ prompt: 'a ZZ-APPLE' }), plain);
    assert.notEqual(await pixels({ prompt: 'a zz-dog' }), plain);
    assert.equal(await pixels({ prompt: 'a (zz-apple:1.3)' }), await pixels({ prompt: 'a (red apple:1.3)' }));
    const skipped = { clipSkip: 2 };
    assert.equal(await pixels({ prompt: 'zz-dog', ...skipped }), await pixels({ prompt: 'dog', ...skipped }));
  });

  test('in the negative prompt, and in what changes with the steps, too', async () => {
    assert.equal(
      await pixels({ prompt: 'fox', negativePrompt: 'zz-dog, zz-apple' }),
      await pixels({ prompt: 'fox', negativePrompt: 'dog, red apple' }),
    );
    assert.equal(await pixels({ prompt: '[zz-dog:zz-apple:0.5]' }), await pixels({ prompt: '[dog:red apple:0.5]' }));
    const long = 'a fox, '.repeat(24);
    assert.equal(await pixels({ prompt: `${long}a zz-apple` }), await pixels({ prompt: `${long}a red apple` }));
  });

  test('the plain syntax takes names for words', async () => {
    const plain = await pixels({ prompt: 'zz-dog', promptSyntax: 'plain' });
    assert.notEqual(plain, await pixels({ prompt: 'dog', promptSyntax: 'plain' }));
  });

  test('the file says which embeddings were used, with their hashes', async () => {
    const hash = async (file: string) =>
      createHash('sha256')
        .update(await readFile(join(folder, file)))
        .digest('hex')
        .slice(0, 12);
    const [apple, dog] = [await hash('Zz-Apple.safetensors'), await hash('zz-dog.pt')];
    const text = await parameters({ prompt: 'zz-apple, zz-apple', negativePrompt: 'zz-dog, zz-apple' });
    assert.ok(text.includes(`, TI hashes: "Zz-Apple: ${apple}, zz-dog: ${dog}", Version: `), text);
    assert.ok(!(await parameters({ prompt: 'a red apple' })).includes('TI hashes'));
  });

  test('an embedding is a word that the model knows', async () => {
    assert.deepEqual((await draw({ prompt: 'a zz-apple' })).warnings, []);
    const { warnings } = await draw({ prompt: 'a zz-apple newt' });
    assert.deepEqual(warnings[0]?.code === 'unknown_words' && warnings[0].words, ['newt']);
  });

  test('one that does not fit the model, or is dangerous, fails whoever names it, and nobody else', async () => {
    await assert.rejects(draw({ prompt: 'a v1' }), {
      code: 'invalid_input',
      field: 'prompt',
      message: /prompt names the embedding v1, but it has vectors of 768 numbers, and this model takes 64/,
    });
    await assert.rejects(draw({ prompt: 'a', negativePrompt: '(evil)' }), {
      code: 'invalid_input',
      field: 'negativePrompt',
      message: /negativePrompt names the embedding evil, but evil\.pt cannot be read: its pickle calls \w+\.system/,
    });
    assert.ok(await pixels({ prompt: 'a red apple' }));
  });
});

/** What the model has for the tokens of a text. */
async function rowsOf(text: string) {
  const tokenizer = createTokenizer(await createClipTokenizerJson());
  const ids = tokenizer.words(text).flatMap(({ tokenIds }) => tokenIds);
  const checkpoint = await openSafetensors(join(embeddedModelFolder, 'mini.safetensors'));
  const values: number[] = [];
  for (const id of ids)
    values.push(...(await checkpoint.readFloat32(TABLE, { start: id * WIDTH, target: new Float32Array(WIDTH) })));
  await checkpoint.close();
  return floats([ids.length, WIDTH], values);
}
