import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type GenerateInput, generateInputSchema } from '@safelight/sdk/contract';
import sharp from 'sharp';
import { convertCheckpoint } from '../../../function/src/bundle/convert-checkpoint.ts';
import { createEngine } from '../../../function/src/create-engine.ts';
import type { Engine, Generation } from '../../../function/src/engine.ts';
import { embeddedModelFolder, sharedCacheDir, temporaryFolder } from '../../support/embedded-model.ts';
import { encodeLora, layers, mergeByHand } from '../../support/lora-files.ts';
import { encodeSafetensors, readMiniTensors } from '../checkpoint/checkpoint-writer.ts';

const cleanUps: (() => Promise<void>)[] = [];
const WEIGHT = 0.125;

/** Pixels, and what stands beside them in the file. */
async function look({ images: [image] }: Generation): Promise<{ pixels: Buffer; parameters: string }> {
  const data = Buffer.from(image?.data ?? []);
  const pixels = await sharp(data).raw().toBuffer();
  const comment = (await sharp(data).metadata()).comments?.find(({ keyword }) => keyword === 'parameters');
  return { pixels, parameters: comment?.text ?? '' };
}

describe('LoRAs', () => {
  let root: string;
  let engine: Engine;
  const draw = async (input: Partial<GenerateInput>, by = engine) => {
    const quick = { prompt: 'a red apple', model: 'plain', width: 64, height: 64, steps: 2, seed: 7, ...input };
    return by.generate(by.resolve(generateInputSchema.parse(quick)));
  };
  const lorasDir = () => join(root, 'loras');

  before(async () => {
    root = await temporaryFolder({ after: (cleanUp) => void cleanUps.push(cleanUp) });
    await mkdir(lorasDir());
    const all = Object.values(layers);
    const checkpoint = await readMiniTensors();
    for (const name of ['linear', 'conv', 'text'] as const) {
      await writeFile(join(lorasDir(), `${name}.safetensors`), encodeLora([layers[name]]));
    }
    await writeFile(join(lorasDir(), 'all.safetensors'), encodeLora(all));
    const byHand = {
      plain: checkpoint,
      all: mergeByHand(checkpoint, all, WEIGHT),
      text: mergeByHand(checkpoint, [layers.text], WEIGHT),
      both: mergeByHand(mergeByHand(checkpoint, all, -WEIGHT), [layers.linear], -0.25),
    };
    for (const [name, tensors] of Object.entries(byHand)) {
      const file = join(root, `${name}.safetensors`);
      await writeFile(file, encodeSafetensors(tensors));
      await convertCheckpoint({ checkpoint: file, name, folder: join(root, 'models', name) });
    }
    engine = await createEngine({
      cacheDir: sharedCacheDir,
      modelsDir: join(root, 'models'),
      lorasDir: lorasDir(),
    });
  });
  after(async () => {
    await engine.close();
    for (const cleanUp of cleanUps) await cleanUp();
  });

  test('the picture is that of a checkpoint merged by hand, to the byte', async () => {
    const merged = await look(await draw({ loras: [{ name: 'all', weight: WEIGHT }] }));
    const byHand = await look(await draw({ model: 'all' }));
    const without = await look(await draw({}));
    assert.ok(merged.pixels.equals(byHand.pixels));
    assert.ok(!merged.pixels.equals(without.pixels));
  });

  test('negative weights, several LoRAs, and one named twice add up', async () => {
    const loras = [
      { name: 'all', weight: -WEIGHT },
      { name: 'linear', weight: -0.5 },
    ];
    const both = await look(await draw({ prompt: 'a red apple<lora:linear:0.25>', loras }));
    assert.ok(both.pixels.equals((await look(await draw({ model: 'both' }))).pixels));
  });

  test('in the prompt as in AUTOMATIC1111: text encoder first, then UNet, or by name', async () => {
    const { pixels } = await look(await draw({ model: 'text' }));
    for (const tag of [`<lora:all:${WEIGHT}:0>`, `<lora:all:unet=0:te=${WEIGHT}>`, `<lyco:all:${WEIGHT}:0>`]) {
      assert.ok((await look(await draw({ prompt: `a red apple${tag}` }))).pixels.equals(pixels), tag);
    }
    const explicit = await draw({ loras: [{ name: 'all', weight: 0, textEncoderWeight: WEIGHT }] });
    assert.ok((await look(explicit)).pixels.equals(pixels));
  });

  test('weight 0 adds nothing, and draws what the model draws', async () => {
    const { pixels } = await look(await draw({}));
    const generation = await draw({ prompt: 'a red apple<lora:all:0>' });
    assert.ok((await look(generation)).pixels.equals(pixels));
    assert.deepEqual(generation.warnings, []);
  });

  test('files say which LoRAs were used, and their settings give the picture again', async () => {
    const loras = [{ name: 'linear', weight: WEIGHT, textEncoderWeight: 0.5 }];
    const first = await look(await draw({ prompt: 'a red apple <lora:conv:0.25>', loras }));
    const [prompt = '', line = ''] = first.parameters.split('\n');
    assert.equal(prompt, 'a red apple <lora:conv:0.25> <lora:linear:0.5:0.125>');
    assert.match(line, /, Lora hashes: "conv: [0-9a-f]{12}, linear: [0-9a-f]{12}", Version: Safelight$/);
    const again = await look(await draw({ prompt }));
    assert.ok(again.pixels.equals(first.pixels));
    assert.equal(again.parameters, first.parameters);
    const settings = engine.resolve(generateInputSchema.parse({ prompt, loras }));
    assert.deepEqual(settings.loras, loras);
  });

  test('the hash is that of the tensors, as AUTOMATIC1111 shows it', async () => {
    const { createHash } = await import('node:crypto');
    const file = await readFile(join(lorasDir(), 'conv.safetensors'));
    const data = file.subarray(8 + Number(file.readBigUInt64LE(0)));
    const hash = createHash('sha256').update(data).digest('hex').slice(0, 12);
    const { parameters } = await look(await draw({ loras: [{ name: 'conv' }] }));
    assert.match(parameters, new RegExp(`Lora hashes: "conv: ${hash}"`));
  });

  test('a name that only the prompt has is left out with a warning; in loras it is refused, naming those there are', async () => {
    const generation = await draw({
      prompt: 'a red apple<lora:none:1><lora:linear:much><hypernet:linear:1>',
      negativePrompt: '<lora:linear:1>',
    });
    const [prompt, negative] = generation.warnings;
    assert.deepEqual(prompt?.code === 'networks_ignored' && prompt.networks, [
      '<lora:none:1>',
      '<lora:linear:much>',
      '<hypernet:linear:1>',
    ]);
    assert.equal(negative?.code === 'networks_ignored' && negative.field, 'negativePrompt');
    assert.ok((await look(generation)).pixels.equals((await look(await draw({}))).pixels));
    for (const name of ['none', '../models/all', '..', '/etc/passwd', 'linear.safetensors', '__proto__']) {
      await assert.rejects(draw({ loras: [{ name }] }), {
        code: 'invalid_input',
        field: 'loras',
        message: /use one of all, conv, linear, text$/,
      });
    }
  });

  test('a plain prompt has no syntax, and so no LoRAs', async () => {
    const generation = await draw({ prompt: 'a red apple<lora:all:1>', promptSyntax: 'plain' });
    assert.deepEqual(generation.warnings, []);
    assert.doesNotMatch((await look(generation)).parameters, /Lora hashes/);
  });

  test('a file that changes is another LoRA', async () => {
    const path = join(lorasDir(), 'changing.safetensors');
    await writeFile(path, encodeLora([layers.linear], 1));
    const before = await look(await draw({ loras: [{ name: 'changing' }] }));
    await writeFile(path, encodeLora([layers.linear], 2));
    const changed = await look(await draw({ loras: [{ name: 'changing' }] }));
    await rm(path);
    assert.ok(!before.pixels.equals(changed.pixels));
    await assert.rejects(draw({ loras: [{ name: 'changing' }] }), { code: 'invalid_input' });
  });

  test('a damaged or foreign file is refused, and the next picture is drawn all the same', async () => {
    const whole = encodeLora([layers.linear]);
    await writeFile(join(lorasDir(), 'cut.safetensors'), whole.subarray(0, whole.length - 1));
    await assert.rejects(draw({ prompt: 'a red apple<lora:cut:1>' }), {
      code: 'model_corrupt',
      message: /^cut\.safetensors cannot be read/,
    });
    const model = await readFile(join(embeddedModelFolder, 'mini.safetensors'));
    await writeFile(join(lorasDir(), 'model.safetensors'), model);
    await assert.rejects(draw({ prompt: 'a red apple<lora:model:1>' }), { code: 'invalid_input', field: 'prompt' });
    await Promise.all(['cut', 'model'].map((name) => rm(join(lorasDir(), `${name}.safetensors`))));
    assert.equal((await draw({})).images.length, 1);
  });

  test('without a folder of LoRAs there are none', async (t) => {
    const bare = await createEngine({ cacheDir: sharedCacheDir, lorasDir: join(root, 'nowhere') });
    t.after(() => bare.close());
    const message = /no LoRA of the name "all" here: there are none/;
    await assert.rejects(draw({ model: 'mini', loras: [{ name: 'all' }] }, bare), {
      code: 'invalid_input',
      field: 'loras',
      message,
    });
    assert.equal((await readdir(root)).includes('nowhere'), false);
  });
});
