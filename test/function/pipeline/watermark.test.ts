import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import sharp from 'sharp';
import type { DiffusionModel } from '../../../function/src/pipeline/diffusion-model.ts';
import { generate } from '../../../function/src/pipeline/generate.ts';
import { encodeImage } from '../../../function/src/pipeline/image/encode-image.ts';
import {
  addWatermark,
  canCarryWatermark,
  countMatchingBits,
  readWatermark,
  WATERMARK,
} from '../../../function/src/pipeline/image/watermark.ts';
import type { Pixels } from '../../../function/src/pipeline/start/pixels.ts';
import { fromSharp } from '../../../function/src/pipeline/start/resize.ts';
import { openModel } from '../../../function/src/runtime/open-model.ts';
import { createSessionHost } from '../../../function/src/runtime/session-host.ts';
import { openEmbeddedBundle, temporaryFolder } from '../../support/embedded-model.ts';
import { formulaPicture } from '../../support/formula-picture.ts';
import { runCli } from '../../support/run-cli.ts';
import { quickSettings } from '../../support/settings.ts';

interface Golden {
  width: number;
  height: number;
  picture: string;
  marked: string;
  decoded: string;
}

const goldens: Golden[] = JSON.parse(
  await readFile(join(import.meta.dirname, '../../fixtures/watermark/watermark.json'), 'utf8'),
);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const textOf = (pixels: Pixels) => Buffer.from(readWatermark(pixels)).toString();

describe('the watermark is the original’s', () => {
  for (const { width, height, picture, marked, decoded } of goldens) {
    test(`${width} by ${height}: every byte, and what is read of it`, () => {
      const pixels = formulaPicture(width, height);
      assert.equal(sha256(pixels.data), picture, 'the formula');
      const result = addWatermark(pixels);
      assert.equal(sha256(result.data), marked);
      assert.equal(Buffer.from(readWatermark(result)).toString('hex'), decoded);
    });
  }

  test('a picture without it reads as something else', () => {
    assert.notEqual(textOf(formulaPicture(512, 384)), WATERMARK);
  });

  for (const format of ['png', 'jpeg', 'webp'] as const) {
    test(`a ${format} of soft colours keeps most of it`, async () => {
      const metadata = { parameters: '', source: 'trainedAlgorithmicMedia' } as const;
      const file = await encodeImage(addWatermark(smoothPicture(512, 512)), format, metadata);
      const { matching, total } = countMatchingBits(await fromSharp(sharp(file)));
      assert.ok(matching >= 0.75 * total, `${matching} of ${total} bits`);
    });
  }

  test('65,536 pixels are enough, one less is not', () => {
    assert.ok(canCarryWatermark({ width: 1024, height: 64 }));
    assert.ok(!canCarryWatermark({ width: 257, height: 255 }));
  });
});

describe('pictures that are drawn', () => {
  let model: DiffusionModel;
  const host = createSessionHost();
  before(async () => {
    model = await openModel(await openEmbeddedBundle(), host);
  });

  const draw = async (changes: Parameters<typeof quickSettings>[0], upload?: Uint8Array) => {
    const settings = quickSettings({ width: 256, height: 256, steps: 2, ...changes });
    const { images } = await generate(model, settings, { readUpload: async () => upload });
    return images[0]?.data as Uint8Array;
  };
  const open = async (file: Uint8Array) => fromSharp(sharp(file));
  const marked = (pixels: Pixels) => ({ ...pixels, data: Buffer.from(addWatermark(pixels).data) });

  test('differ in nothing else from those that were asked for without it', async () => {
    const plain = await open(await draw({ watermark: false }));
    assert.notEqual(textOf(plain), WATERMARK);
    assert.deepEqual(await open(await draw({})), {
      ...addWatermark(plain),
      data: Buffer.from(addWatermark(plain).data),
    });
  });

  test('from a picture do without, unless it is asked for', async () => {
    const start = await encodeImage(formulaPicture(256, 256), 'png', {
      parameters: '',
      source: 'trainedAlgorithmicMedia',
    });
    const fromPicture = { initImage: `uploads/${'a'.repeat(26)}.png`, strength: 0.5 };
    const plain = await open(await draw({ ...fromPicture, watermark: false }, start));
    assert.deepEqual(await open(await draw(fromPicture, start)), plain);
    assert.deepEqual(await open(await draw({ ...fromPicture, watermark: true }, start)), marked(plain));
  });

  test('too small for it are drawn without', async () => {
    const small = await open(await draw({ width: 64, height: 64 }));
    const asked = await open(await draw({ width: 64, height: 64, watermark: true }));
    assert.deepEqual(asked, small);
  });

  test('tell the command line', async (t) => {
    const folder = await temporaryFolder(t);
    const say = async (name: string, file: Uint8Array) => {
      await writeFile(join(folder, name), file);
      const { exit, stdout } = await runCli(['watermark', join(folder, name), '--json']);
      assert.equal(exit, 0);
      return JSON.parse(stdout);
    };
    const metadata = { parameters: '', source: 'trainedAlgorithmicMedia' } as const;
    const picture = formulaPicture(512, 384);
    const withIt = await say('with.jpg', await encodeImage(addWatermark(picture), 'jpeg', metadata));
    assert.deepEqual(withIt, { watermark: WATERMARK, matchingBits: 136 });
    const without = await say('without.png', await encodeImage(picture, 'png', metadata));
    assert.equal(without.watermark, null);
    assert.ok(without.matchingBits < 0.7 * 136);
    assert.deepEqual(await say('small.png', await draw({ width: 64, height: 64 })), { watermark: null });
    assert.equal((await runCli(['watermark', join(folder, 'missing.png')])).exit, 2);
  });
});

/** Slow waves of soft colours, as photographs have them more often than drawings. */
function smoothPicture(width: number, height: number): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const red = 80 + (90 * x) / width + 15 * Math.sin(y / 9);
      const green = 60 + (120 * y) / height + 15 * Math.sin(x / 13);
      const blue = 90 + (80 * (x + y)) / (width + height) + 20 * Math.sin((x - y) / 17);
      data.set([red, green, blue].map(Math.round), 3 * (y * width + x));
    }
  }
  return { data, width, height, channels: 3 };
}
