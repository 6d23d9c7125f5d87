import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { generateInputSchema } from '@safelight/sdk/contract';
import sharp from 'sharp';
import { compileBundle } from '../../../function/src/bundle/compile.ts';
import { readModelFolder } from '../../../function/src/bundle/model-folder.ts';
import { type Bundle, openBundle } from '../../../function/src/bundle/open-bundle.ts';
import { openSafetensors } from '../../../function/src/checkpoint/safetensors.ts';
import { generate } from '../../../function/src/pipeline/generate.ts';
import { resolveSettings } from '../../../function/src/pipeline/resolve-settings.ts';
import type { Pixels } from '../../../function/src/pipeline/start/pixels.ts';
import { openModel } from '../../../function/src/runtime/open-model.ts';
import { createSessionHost } from '../../../function/src/runtime/session-host.ts';
import { embeddedModelFolder, openEmbeddedBundle, temporaryFolder } from '../../support/embedded-model.ts';
import { psnr, ssim } from '../../support/picture-quality.ts';

/** `docs/benchmarks.md` has the figures of 16. */
const PICTURES = 4;
/** Of each picture, in decibels; 40 and more is what the eye does not see. */
const MIN_PSNR = 40;
const MIN_SSIM = 0.99;

type Cleaner = Parameters<typeof temporaryFolder>[0];

/** Draws each prompt with the model's own settings. */
async function draw(t: Cleaner, bundle: Bundle, prompts: readonly string[]): Promise<Pixels[]> {
  const host = createSessionHost();
  t.after(() => host.close());
  const model = await openModel(bundle, host);
  const pictures: Pixels[] = [];
  for (const [i, prompt] of prompts.entries()) {
    const settings = resolveSettings(generateInputSchema.parse({ prompt, seed: 100 + i }), model.info, () => 1);
    const { images } = await generate(model, settings);
    const { data, info } = await sharp(images[0]?.data).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    pictures.push({ data, width: info.width, height: info.height, channels: 3 });
  }
  return pictures;
}

describe('int8', () => {
  test('draws the pictures of float32, but for what the eye does not see', async (t) => {
    const folder = join(await temporaryFolder(t), 'int8');
    const whole = await openEmbeddedBundle();
    const { info, config } = await readModelFolder(embeddedModelFolder);
    const checkpoint = await openSafetensors(join(embeddedModelFolder, 'mini.safetensors'));
    t.after(() => checkpoint.close());
    const sourceSha256 = whole.manifest.source.sha256;
    await compileBundle(folder, { checkpoint, sourceSha256, model: info, config, precision: 'int8' });
    const contactSheet = join(import.meta.dirname, '../../../docs/contact-sheet-prompts.txt');
    const prompts = (await readFile(contactSheet, 'utf8')).trim().split('\n').slice(0, PICTURES);
    assert.equal(prompts.length, PICTURES);

    const expected = await draw(t, whole, prompts);
    const found = await draw(t, await openBundle(folder), prompts);
    for (const [i, picture] of found.entries()) {
      const original = expected[i] as Pixels;
      const [noise, likeness] = [psnr(picture, original), ssim(picture, original)];
      t.diagnostic(`${prompts[i]}: PSNR ${noise.toFixed(1)} dB, SSIM ${likeness.toFixed(4)}`);
      assert.ok(noise >= MIN_PSNR && likeness >= MIN_SSIM, `${prompts[i]}: ${noise} dB, ${likeness}`);
      // It is not simply float32.
      assert.ok(Number.isFinite(noise));
    }
  });

  test('pictures are compared as scikit-image does', () => {
    const [width, height] = [40, 30];
    const picture = (noise: (x: number, y: number) => number): Pixels => {
      const data = new Uint8ClampedArray(3 * width * height);
      for (let y = 0; y < height; y += 1) {
        for (let x = 0; x < width; x += 1) {
          const colours = [x * 3 + y * 2, Math.floor((x * y) / 7) + 40, Math.floor((x * x) / 50) + y * 5 + 1];
          data.set(
            colours.map((colour) => (colour % 256) + noise(x, y)),
            3 * (y * width + x),
          );
        }
      }
      return { data: new Uint8Array(data.buffer), width, height, channels: 3 };
    };
    const plain = picture(() => 0);
    const noisy = picture((x, y) => ((x * 7 + y * 13) % 11) - 5);
    // scikit-image 0.26.0: structural_similarity(a, b, channel_axis=2), peak_signal_noise_ratio(a, b).
    assert.ok(Math.abs(ssim(plain, noisy) - 0.9476537043765912) < 1e-9);
    assert.ok(Math.abs(psnr(plain, noisy) - 38.134424238166865) < 1e-9);
    assert.deepEqual([ssim(plain, plain), psnr(plain, plain)], [1, Number.POSITIVE_INFINITY]);
  });
});
