/** What a file says of its picture is enough to draw it again, to the byte. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type GenerateInput, generateInputSchema } from '@safelight/sdk/contract';
import { readGenerateInput, readParameters, readPictureText, toGenerateInput } from '@safelight/sdk/metadata';
import { createEngine } from '../../../function/src/create-engine.ts';
import type { Engine } from '../../../function/src/engine.ts';
import { formatParameters } from '../../../function/src/pipeline/image/parameters.ts';
import { sharedCacheDir, temporaryFolder } from '../../support/embedded-model.ts';
import { encodeLora, layers } from '../../support/lora-files.ts';
import { quickSettings } from '../../support/settings.ts';
import { encodeSafetensors, floats } from '../checkpoint/checkpoint-writer.ts';

const quick = { width: 64, height: 64, steps: 2, seed: 7 };
const picture = `uploads/local/${'a'.repeat(64)}.png`;
const apple = await readFile(join(import.meta.dirname, '../../../docs/images/a-red-apple.png'));
const blob = (data: Uint8Array) => new Blob([new Uint8Array(data)]);

const varied: Record<string, Partial<GenerateInput>> = {
  'nothing special': {},
  'a negative prompt, in WebP': { negativePrompt: 'blue, "dark"\nand: small', format: 'webp' },
  'JPEG, a size, steps, guidance': { format: 'jpeg', width: 96, steps: 3, guidanceScale: 6.25 },
  'DDIM with eta and sigma noise': { sampler: 'ddim', eta: 0.3, sNoise: 1.1 },
  'an ancestral sampler without its eta': { sampler: 'euler_a', eta: 0 },
  'churn on a schedule': { sampler: 'heun', schedule: 'karras', sChurn: 4, sTmin: 0.1, sTmax: 12.5, sNoise: 1.01 },
  'an SDE sampler on another schedule': { sampler: 'dpmpp_2m_sde', schedule: 'beta', eta: 0.5 },
  'clip skip and the CPU generator': { clipSkip: 2, rng: 'cpu' },
  'guidance in a part of the run': { steps: 5, guidanceStart: 0.2, guidanceEnd: 0.75 },
  'deep features for several steps': { steps: 5, deepCache: 3 },
  'a variation': { subseed: 4294967295, subseedStrength: 0.35 },
  'LoRAs of the settings': { loras: [{ name: 'linear', weight: 0.3, textEncoderWeight: -0.125 }] },
  'LoRAs of both': { prompt: 'a fox <lora:conv:0.5>', loras: [{ name: 'linear', weight: 1e-7 }] },
  'LoRAs beside a plain prompt': { promptSyntax: 'plain', prompt: 'a (fox', loras: [{ name: 'linear', weight: 0.2 }] },
  'an embedding': { prompt: 'a (zz-apple:1.3), small' },
  'the enlarging run': { hires: { scale: 1.5, strength: 0.6 } },
  'another enlarging run': { hires: { scale: 1.5, steps: 1, strength: 0.4, upscaler: 'lanczos' } },
  'no watermark': { watermark: false, width: 256, height: 256, steps: 1 },
  'a prompt that looks like settings': { prompt: ' Negative prompt: x\nSteps: 3, Seed: 1\r\nNegative prompt: y ' },
  'a prompt with every sign': { prompt: 'a fox, {"a": "\\n"} 夜 🌙 \u2028 <lora:' },
  'a picture to start from': { initImage: picture, strength: 0.5, resizeMode: 'crop', watermark: true },
  'a mask': {
    initImage: picture,
    mask: picture,
    invertMask: true,
    maskBlur: 2,
    maskFill: 'latent_noise',
    inpaintArea: 'masked',
    maskPadding: 8,
  },
  margins: { initImage: picture, outpaint: { left: 16, top: 0, right: 0, bottom: 8 } },
};

describe('a picture is drawn again from what its file says', () => {
  let engine: Engine;
  const cleanUps: (() => Promise<void>)[] = [];
  before(async () => {
    const root = await temporaryFolder({ after: (cleanUp) => cleanUps.push(cleanUp) });
    const [lorasDir, embeddingsDir] = [join(root, 'loras'), join(root, 'embeddings')];
    await mkdir(lorasDir);
    await mkdir(embeddingsDir);
    for (const name of ['linear', 'conv'] as const) {
      await writeFile(join(lorasDir, `${name}.safetensors`), encodeLora([layers[name]]));
    }
    const vectors = floats(
      [2, 64],
      Array.from({ length: 128 }, (_, i) => Math.sin(i)),
    );
    await writeFile(join(embeddingsDir, 'zz-apple.safetensors'), encodeSafetensors(new Map([['emb_params', vectors]])));
    engine = await createEngine({ cacheDir: sharedCacheDir, lorasDir, embeddingsDir });
  });
  after(async () => {
    await engine.close();
    for (const cleanUp of cleanUps) await cleanUp();
  });

  const draw = async (input: GenerateInput) => {
    const settings = engine.resolve(generateInputSchema.parse(input));
    return (await engine.generate(settings, { readUpload: async () => apple })).images;
  };

  for (const [name, input] of Object.entries(varied)) {
    test(name, async () => {
      const [first] = await draw({ prompt: 'a red apple', ...quick, ...input });
      assert.ok(first);
      const read = await readGenerateInput(blob(first.data));
      assert.ok(read);
      const { initImage, mask } = input;
      assert.equal(JSON.stringify(read).includes('uploads/'), false);
      const [again] = await draw({ ...read, ...(initImage && { initImage }), ...(mask && { mask }) });
      assert.ok(Buffer.from(again?.data ?? []).equals(Buffer.from(first.data)), JSON.stringify(read));
    });
  }

  test('each picture of a job and of a grid, and the sheet', async () => {
    const jobs: GenerateInput[] = [
      { prompt: 'a fox', ...quick, seed: 4294967295, count: 2 },
      { prompt: 'a fox', ...quick, subseed: 3, subseedStrength: 0.5, count: 2 },
      {
        prompt: 'a fox',
        ...quick,
        grid: { x: [{ steps: 1 }, { steps: 2 }], y: [{ prompt: 'a cat' }, { prompt: 'a, "b"' }] },
      },
    ];
    for (const job of jobs) {
      for (const { data } of await draw(job)) {
        const again = await draw((await readGenerateInput(blob(data))) ?? { prompt: '' });
        assert.ok(Buffer.from(again.at(-1)?.data ?? []).equals(Buffer.from(data)));
      }
    }
  });
});

describe('the text says by AUTOMATIC1111’s names what these can say, and the rest as JSON', () => {
  const write = (input: Partial<GenerateInput>) =>
    formatParameters(
      { ...quickSettings({ promptSyntax: 'a1111' }), ...(input as object) },
      { checkpointSha256: 'abc' },
    );

  test('nothing more where they can say all', () => {
    const all = {
      sampler: 'euler_a',
      schedule: 'karras',
      eta: 0.5,
      clipSkip: 2,
      rng: 'cpu',
      strength: 0.5,
      maskBlur: 4,
    } as const;
    assert.doesNotMatch(write({ ...all, negativePrompt: 'x', loras: [{ name: 'a', weight: 1 }] }), /Safelight: /);
  });

  test('what they cannot say, and no pictures', () => {
    const text = write({ watermark: false, resizeMode: 'crop', safety: 'blur', initImage: picture, strength: 0.5 });
    assert.match(
      text,
      /, Safelight: "\{\\"resizeMode\\":\\"crop\\",\\"safety\\":\\"blur\\",\\"watermark\\":false\}", Version: /,
    );
  });

  test('prompts of any characters come back', () => {
    const signs = [
      'a',
      ' ',
      '\n',
      '\r',
      '"',
      '\\',
      ',',
      ':',
      'Negative prompt: ',
      'Steps: 1',
      '<lora:a:1>',
      '\u{1f319}',
      '\u2028',
      'é',
    ];
    let state = 1;
    const random = (below: number) => {
      state = (state * 48271) % 2147483647;
      return state % below;
    };
    const compose = () => Array.from({ length: 1 + random(8) }, () => signs[random(signs.length)]).join('');
    for (let i = 0; i < 2000; i += 1) {
      const written = {
        prompt: compose(),
        negativePrompt: compose(),
        promptSyntax: random(2) ? 'a1111' : 'plain',
      } as const;
      const read = readParameters(write(written));
      assert.ok(read, JSON.stringify(written));
      const { prompt, negativePrompt = '', promptSyntax = 'a1111' } = toGenerateInput(read);
      assert.deepEqual({ prompt, negativePrompt, promptSyntax }, written);
    }
  });
});

describe('pictures of others', () => {
  const read = (line: string) => {
    const parameters = readParameters(`a fox\n${line}`);
    return parameters && toGenerateInput(parameters);
  };

  test('of AUTOMATIC1111 become input, its names left to the server', () => {
    const line =
      'Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 1, Size: 512x768, Model hash: 6ce0161689, Model: v1-5-pruned, ' +
      'Clip skip: 2, Denoising strength: 0.45, Hires upscale: 2, Hires steps: 0, Hires upscaler: R-ESRGAN 4x+, ENSD: 31337, Version: v1.9.4';
    assert.deepEqual(read(line), {
      prompt: 'a fox',
      model: 'v1-5-pruned',
      width: 512,
      height: 768,
      steps: 28,
      guidanceScale: 6.5,
      seed: 1,
      clipSkip: 2,
      sampler: 'DPM++ 2M Karras',
      hires: { scale: 2, strength: 0.45, upscaler: 'lanczos' },
    });
    assert.equal(read('Steps: 2, Model: Dream Shaper (8)')?.model, undefined);
    assert.equal(generateInputSchema.safeParse(read(line)).success, true);
  });

  test('name no uploads and no number of pictures, and cannot break the reader', () => {
    const own = JSON.stringify(JSON.stringify({ initImage: picture, mask: picture, count: 16, watermark: false }));
    assert.deepEqual(read(`Steps: 2, Safelight: ${own}`), { prompt: 'a fox', steps: 2, watermark: false });
    for (const broken of ['{', '"null"', '"[1]"', '"3"', '"{\\"prompt\\":5}"', '"{\\"__proto__\\":{\\"steps\\":9}}"']) {
      assert.equal(read(`Steps: 2, Safelight: ${broken}`)?.steps, 2, broken);
    }
  });

  test('without settings are undefined', async () => {
    const png = await readFile(join(import.meta.dirname, '../../fixtures/original-scripts/one.png'));
    assert.equal(await readPictureText(blob(png)), undefined);
    assert.equal(await readGenerateInput(blob(png)), undefined);
  });
});
