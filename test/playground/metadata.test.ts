/** Settings are read back from pictures: those that this project writes, and those of other tools. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import type { ImageFormat } from '@safelight/sdk';
import { readPictureText } from '@safelight/sdk/metadata';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { parseParameters } from '../../function/playground/src/lib/parse-parameters.ts';
import { readSettingsOf } from '../../function/playground/src/lib/read-settings-of.ts';
import { encodeImage } from '../../function/src/pipeline/image/encode-image.ts';
import { insertPngText } from '../../function/src/pipeline/image/png-text.ts';
import { createFakeEngine } from '../function/jobs/fake-engine.ts';
import { launchBrowser, skip } from './support/browser.ts';
import { dropFile, serveSite, visit } from './support/open-playground.ts';

const blob = (data: Uint8Array) => new Blob([new Uint8Array(data)]);

/** A PNG with one more chunk behind its header. */
async function pngWithChunk(type: string, body: Uint8Array): Promise<Uint8Array> {
  const png = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  const typed = Buffer.concat([Buffer.from(type), body]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(body.length);
  ends.writeUInt32BE(crc32(typed), 4);
  return Buffer.concat([png.subarray(0, 33), ends.subarray(0, 4), typed, ends.subarray(4), png.subarray(33)]);
}

const text = 'a café by night, 夜 🌙\nNegative prompt: rain\nSteps: 20, Sampler: Euler a, Seed: 7';

/** A small picture with the text above, as the pipeline writes it. */
const encode = (format: ImageFormat) =>
  encodeImage({ data: new Uint8Array(64 * 64 * 3), width: 64, height: 64, channels: 3 }, format, {
    parameters: text,
    source: 'trainedAlgorithmicMedia',
  });

describe('the text in a picture', () => {
  for (const keyword of ['tEXt', 'iTXt'] as const) {
    test(`of a PNG's ${keyword}, as this project writes it`, async () => {
      const written = keyword === 'tEXt' ? text.replace(', 夜 🌙', '') : text;
      const png = await pngWithChunk('gAMA', Buffer.from([0, 0, 0xb1, 0x8f]));
      assert.equal(await readPictureText(blob(insertPngText(png, 'parameters', written))), written);
    });
  }

  test('of a compressed iTXt with a language, and of a zTXt', async () => {
    const international = Buffer.concat([Buffer.from('parameters\0\x01\0en\0Einstellungen\0'), deflateSync(text)]);
    assert.equal(await readPictureText(blob(await pngWithChunk('iTXt', international))), text);
    const latin = Buffer.concat([Buffer.from('parameters\0\0'), deflateSync(Buffer.from('café', 'latin1'))]);
    assert.equal(await readPictureText(blob(await pngWithChunk('zTXt', latin))), 'café');
  });

  test('is not read where a small chunk unpacks to more than a text can be', async () => {
    const bomb = Buffer.concat([Buffer.from('parameters\0\0'), deflateSync(Buffer.alloc(64 * 1024 * 1024))]);
    assert.equal(await readPictureText(blob(await pngWithChunk('zTXt', bomb))), undefined);
  });

  for (const format of ['png', 'jpeg', 'webp'] as const) {
    test(`of a ${format} that the pipeline encoded`, async () => {
      assert.equal(await readPictureText(blob(await encode(format))), text);
    });
    test(`is looked for in vain in a ${format} without one, or one that was cut anywhere`, async () => {
      const plain = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
        .toFormat(format)
        .toBuffer();
      assert.equal(await readPictureText(blob(plain)), undefined);
      const whole = await encode(format);
      for (let length = 0; length < Math.min(whole.length, 700); length++) {
        const found = await readPictureText(blob(whole.subarray(0, length)));
        assert.ok(found === undefined || found === text);
      }
    });
  }
});

describe('parameters', () => {
  test('of AUTOMATIC1111 become settings', () => {
    const parameters = [
      'a (red:1.2) fox,',
      'two lines',
      'Negative prompt: blurry, "text"',
      'Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 4294967295, Size: 512x768, ' +
        'Model hash: 6ce0161689, Model: v1-5-pruned, Clip skip: 2, Skip Early CFG: 0.15, Deep cache: 2, Denoising strength: 0.4, Hires upscale: 2, Hires upscaler: Latent, RNG: CPU, ' +
        'Lora hashes: "a: 1b2c, b: 3d4e", Version: v1.9.4',
    ].join('\n');
    assert.deepEqual(parseParameters(parameters), {
      prompt: 'a (red:1.2) fox,\ntwo lines',
      negativePrompt: 'blurry, "text"',
      promptSyntax: 'a1111',
      steps: '28',
      sampler: 'dpmpp_2m',
      schedule: 'karras',
      guidanceScale: '6.5',
      guidanceStart: '0.15',
      guidanceEnd: '',
      deepCache: '2',
      seed: '4294967295',
      width: '512',
      height: '768',
      clipSkip: '2',
      rng: 'cpu',
      others: { hires: { scale: 2, strength: 0.4, upscaler: 'latent' } },
    });
  });

  test('of older versions carry the schedule in the sampler', () => {
    const read = parseParameters('a fox\nSteps: 20, Sampler: DPM++ SDE Karras, CFG scale: 7, Seed: 1, Size: 512x512');
    assert.equal(read?.sampler, 'dpmpp_sde');
    assert.equal(read?.schedule, 'karras');
    assert.equal(read?.negativePrompt, '');
  });

  test('with a sampler that only the server may know keep its name', () => {
    assert.equal(parseParameters('a fox\nSteps: 20, Sampler: New 9000, Seed: 1')?.sampler, 'New 9000');
  });

  test('are nothing in other texts', () => {
    assert.equal(parseParameters('a photograph of a fox'), undefined);
    assert.equal(parseParameters(''), undefined);
  });
});

describe('a picture that is dropped on the page', { skip }, () => {
  let browser: Browser;
  let folder: string;
  before(async () => {
    browser = await launchBrowser();
    folder = await mkdtemp(join(tmpdir(), 'safelight-drop-'));
  });
  after(async () => {
    await browser.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('fills in the form; one without settings says so; both without sending anything', async () => {
    await using site = await serveSite(createFakeEngine());
    await using visitor = await visit(browser, site.server.url);
    const { page, prompt, requests } = visitor;
    await prompt.waitFor();
    const data = await encode('webp');
    assert.equal((await readSettingsOf(blob(data)))?.seed, '7');
    const posts = requests.length;
    await dropFile(page, 'owl.webp', data);
    await page.getByRole('dialog', { name: 'owl.webp' }).getByText('Made from “a café by night').waitFor();
    await page.getByRole('button', { name: 'Use its settings' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(await prompt.inputValue(), 'a café by night, 夜 🌙');
    assert.equal(await page.getByLabel('Negative prompt').inputValue(), 'rain');
    assert.equal(await page.getByLabel('Sampler').inputValue(), 'euler_a');
    assert.equal(await page.getByLabel('Seed', { exact: true }).inputValue(), '7');

    const file = join(folder, 'plain.png');
    await writeFile(
      file,
      await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
        .png()
        .toBuffer(),
    );
    await page.getByLabel('From a picture').setInputFiles(file);
    await page.getByText('It carries no settings that can be read.').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Use its settings' }).isDisabled());
    const sent = requests
      .slice(posts)
      .filter((url) => !/^blob:|\/trpc\/(health|prompts\.read|jobs\.estimate)/.test(url));
    assert.deepEqual(sent, []);
  });
});
