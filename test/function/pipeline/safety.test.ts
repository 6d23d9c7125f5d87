import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type GenerateInput, generateInputSchema } from '@safelight/sdk/contract';
import sharp from 'sharp';
import { convertCheckpoint } from '../../../function/src/bundle/convert-checkpoint.ts';
import { openBundle } from '../../../function/src/bundle/open-bundle.ts';
import { createEngine, type EngineOptions } from '../../../function/src/create-engine.ts';
import { cropForClip, toClipImage } from '../../../function/src/pipeline/safety/clip-image.ts';
import { judge } from '../../../function/src/pipeline/safety/judge.ts';
import { fromSharp } from '../../../function/src/pipeline/start/resize.ts';
import { openModel } from '../../../function/src/runtime/open-model.ts';
import { createSessionHost } from '../../../function/src/runtime/session-host.ts';
import { embeddedModelFolder, sharedCacheDir, temporaryFolder } from '../../support/embedded-model.ts';
import { formulaPicture } from '../../support/formula-picture.ts';
import { runCli } from '../../support/run-cli.ts';
import { safetyGoldens, tinySafetyChecker } from '../../support/tiny-safety-checker.ts';
import { encodeSafetensors, encodeTorchZip, readMiniTensors, type Tensors } from '../checkpoint/checkpoint-writer.ts';
import { writeDiffusersFolder } from '../checkpoint/diffusers-writer.ts';

const checkpoint = join(embeddedModelFolder, 'mini.safetensors');
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const largestDifference = (actual: ArrayLike<number>, expected: readonly number[]) =>
  Math.max(...expected.map((value, i) => Math.abs(value - (actual[i] ?? Number.NaN))));

describe('a picture is prepared for CLIP as transformers does', () => {
  for (const { width, height, cropped, normalized } of safetyGoldens.cases) {
    test(`${width} by ${height}`, () => {
      const picture = formulaPicture(width, height);
      assert.equal(sha256(cropForClip(picture, 224).data), cropped, 'every byte of the crop');
      const samples = toClipImage(picture, 224).data.filter((_, i) => i % 9973 === 0);
      assert.equal(samples.length, normalized.length);
      assert.ok(largestDifference(samples, normalized) < 1e-6);
    });
  }
});

describe('the verdict', () => {
  const thresholds = { conceptThresholds: [0.2, 0.2], specialThresholds: [0.2, 0.2] };

  test('flags above 0, after rounding to three decimals', () => {
    const at = (similarity: number) => judge({ concepts: [0, similarity], special: [0, 0], ...thresholds });
    assert.deepEqual(at(0.2004), { isFlagged: false, conceptScores: [-0.2, 0], specialCareScores: [-0.2, -0.2] });
    assert.deepEqual(at(0.2006).conceptScores, [-0.2, 0.001]);
    assert.ok(at(0.2006).isFlagged);
    assert.ok(Object.is(at(0.1999).conceptScores[1], 0), 'no negative zero');
  });

  test('special care makes what comes after it a hundredth stricter, and flags nothing itself', () => {
    const special = judge({ concepts: [0.1, 0.195], special: [0.3, 0.2], ...thresholds });
    assert.deepEqual(special, { isFlagged: true, conceptScores: [-0.09, 0.005], specialCareScores: [0.1, 0.01] });
    assert.ok(!judge({ concepts: [0.1, 0.1], special: [0.3, 0.3], ...thresholds }).isFlagged);
    assert.ok(!judge({ concepts: [0.1, 0.195], special: [0.2, 0.2], ...thresholds }).isFlagged);
  });
});

/** The embedded model with a safety checker, in a folder of models. */
async function convertChecked(folder: string, threshold?: number, name = 'checked'): Promise<void> {
  const safetyChecker = join(folder, `${name}.safetensors`);
  await writeFile(safetyChecker, encodeSafetensors(tinySafetyChecker(threshold)));
  const output = ['--output', join(folder, 'models', name), '--name', name, '--accept-license'];
  const converted = await runCli(['weights', 'convert', checkpoint, '--safety-checker', safetyChecker, ...output]);
  assert.equal(converted.exit, 0, converted.stderr);
}

describe('the safety checker', () => {
  test('gives the original’s numbers', async (t) => {
    const folder = await temporaryFolder(t);
    await convertChecked(folder);
    const bundle = await openBundle(join(folder, 'models', 'checked'));
    assert.equal(bundle.manifest.model.safetyChecker, true);
    const host = createSessionHost();
    t.after(() => host.close());
    const model = await openModel(bundle, host);
    await model.checkSafety?.(formulaPicture(64, 64)); // opens the session
    let largest = 0;
    for (const { width, height, specialCosines, conceptCosines, ...expected } of safetyGoldens.cases) {
      const picture = formulaPicture(width, height);
      const { special_cosines, concept_cosines } = await host.run('safety_checker', {
        image: toClipImage(picture, 224),
      });
      largest = Math.max(
        largest,
        largestDifference(special_cosines?.data ?? [], specialCosines),
        largestDifference(concept_cosines?.data ?? [], conceptCosines),
      );
      const { isFlagged, conceptScores, specialCareScores } = expected;
      assert.deepEqual(await model.checkSafety?.(picture), { isFlagged, conceptScores, specialCareScores });
    }
    assert.ok(largest < 1e-5, `${largest}`);
    t.diagnostic(`largest difference of a cosine: ${largest}`);
  });

  describe('in a checkpoint', () => {
    const writeFolder = async (t: TestContext, checker: Tensors) => {
      const folder = await temporaryFolder(t);
      const source = join(folder, 'source');
      await writeDiffusersFolder(source, await readMiniTensors(), { layers: 1, vaeLevels: 4 });
      await mkdir(join(source, 'safety_checker'));
      await writeFile(join(source, 'safety_checker', 'pytorch_model.bin'), encodeTorchZip(checker, []));
      return { source, bundle: join(folder, 'bundle') };
    };
    const components = (files: object) => Object.keys(files).filter((file) => file.endsWith('.onnx'));

    test('comes along from a diffusers folder, unless it is to be left out', async (t) => {
      const { source, bundle } = await writeFolder(t, tinySafetyChecker());
      const options = { checkpoint: source, name: 'mine' };
      const withIt = await convertCheckpoint({ ...options, folder: bundle });
      assert.ok(components(withIt.files).includes('safety_checker.onnx'));
      assert.deepEqual(withIt.config.safety?.width, 128);
      const without = await convertCheckpoint({ ...options, folder: `${bundle}-2`, safetyChecker: false });
      assert.ok(!components(without.files).includes('safety_checker.onnx'));
      assert.equal(without.model.safetyChecker, undefined);
    });

    test('is taken for a GPU, too', async (t) => {
      const { source, bundle } = await writeFolder(t, tinySafetyChecker());
      const manifest = await convertCheckpoint({ checkpoint: source, name: 'mine', folder: bundle, target: 'cuda' });
      assert.equal(manifest.precision, 'fp16');
      // The CPU provider has kernels for all of its operators.
      const host = createSessionHost();
      t.after(() => host.close());
      await host.load('safety_checker', join(bundle, 'safety_checker.onnx'));
      for (const { width, height, conceptCosines } of safetyGoldens.cases) {
        const image = toClipImage(formulaPicture(width, height), 224);
        const { concept_cosines } = await host.run('safety_checker', { image });
        const difference = largestDifference(concept_cosines?.data ?? [], conceptCosines);
        assert.ok(difference < 2e-3, `${difference}`);
      }
    });

    test('that is not whole is named', async (t) => {
      const broken = tinySafetyChecker();
      broken.delete('special_care_embeds');
      const { source, bundle } = await writeFolder(t, broken);
      await assert.rejects(convertCheckpoint({ checkpoint: source, name: 'mine', folder: bundle }), {
        code: 'model_corrupt',
        message: /lacks tensor safety_checker\.special_care_embeds/,
      });
    });

    test('that is none at all is named', async (t) => {
      const folder = await temporaryFolder(t);
      await assert.rejects(
        convertCheckpoint({ checkpoint, name: 'mine', folder: join(folder, 'bundle'), safetyChecker: checkpoint }),
        { code: 'invalid_input', message: /safety checker/ },
      );
    });
  });
});

describe('pictures that are checked', () => {
  let modelsDir: string;
  let cleanUp: () => Promise<void> = async () => undefined;
  before(async () => {
    const folder = await temporaryFolder({ after: (work) => (cleanUp = work) });
    modelsDir = join(folder, 'models');
    await convertChecked(folder, -2, 'strict');
    await convertChecked(folder, 2, 'lenient');
  });
  after(() => cleanUp());

  async function draw(t: TestContext, input: Partial<GenerateInput>, options: Partial<EngineOptions> = {}) {
    const engine = await createEngine({ cacheDir: sharedCacheDir, modelsDir, ...options });
    t.after(() => engine.close());
    const fixed = { sampler: 'ddim', guidanceScale: 5, steps: 8, seed: 3 } as const;
    const wanted = { prompt: 'a fox', width: 64, height: 64, ...fixed, ...input };
    const settings = engine.resolve(generateInputSchema.parse(wanted));
    const { images } = await engine.generate(settings);
    const [image] = images;
    assert.ok(image);
    return { settings, safety: image.safety, pixels: Buffer.from((await fromSharp(sharp(image.data))).data) };
  }

  test('say how close they come to each concept, and stay as they are', async (t) => {
    assert.equal((await draw(t, {})).safety, undefined, 'nothing was checked');
    const lenient = await draw(t, { model: 'lenient', safety: 'block' });
    assert.equal(lenient.safety?.isFlagged, false);
    const { safety, pixels } = await draw(t, { model: 'strict' });
    assert.ok(pixels.equals(lenient.pixels));
    assert.equal(safety?.isFlagged, true);
    assert.equal(safety.policy, 'flag');
    assert.equal(safety.conceptScores.length, 17);
    assert.equal(safety.specialCareScores.length, 3);
  });

  test('are black where they are blocked', async (t) => {
    const { safety, pixels } = await draw(t, { model: 'strict', safety: 'block' });
    assert.equal(safety?.policy, 'block');
    assert.ok(pixels.every((value) => value === 0));
  });

  test('are past recognition where they are blurred', async (t) => {
    const plain = await draw(t, { model: 'strict' });
    const { safety, pixels } = await draw(t, { model: 'strict', safety: 'blur' });
    assert.equal(safety?.policy, 'blur');
    // The largest step from a pixel to its neighbour in a row of 64: no edge is left.
    const sharpest = (data: Uint8Array) =>
      data.reduce(
        (most, value, i) => (i % (3 * 64) < 189 ? Math.max(most, Math.abs(value - (data[i + 3] ?? 0))) : most),
        0,
      );
    assert.ok(sharpest(plain.pixels) > 60, `${sharpest(plain.pixels)}`);
    assert.ok(sharpest(pixels) < 15, `${sharpest(pixels)}`);
    assert.ok(pixels.some((value) => value > 0));
  });

  test('are treated as the server wants at the least', async (t) => {
    const strict = { model: 'strict' };
    assert.equal((await draw(t, strict, { safety: 'blur' })).settings.safety, 'blur');
    assert.equal((await draw(t, { ...strict, safety: 'flag' }, { safety: 'blur' })).settings.safety, 'blur');
    assert.equal((await draw(t, { ...strict, safety: 'block' }, { safety: 'blur' })).settings.safety, 'block');
  });

  test('cannot be, by a model without a safety checker: it says how to get one', async (t) => {
    for (const attempt of [() => draw(t, { safety: 'block' }), () => draw(t, {}, { safety: 'blur' })]) {
      await assert.rejects(attempt, { code: 'invalid_input', field: 'safety', message: /--safety-checker/ });
    }
    await draw(t, { safety: 'flag' });
  });

  test('are reported by the command line', async (t) => {
    const folder = await temporaryFolder(t);
    const output = join(folder, 'fox.png');
    const flags = ['generate', 'a fox', '--model', 'strict', '--size', '64', '--steps', '2', '-o', output];
    const env = { SAFELIGHT_MODELS_DIR: modelsDir };
    const people = await runCli([...flags, '--safety', 'block'], { env });
    assert.equal(people.exit, 0, people.stderr);
    assert.match(people.stdout, /black: the safety checker flagged it/);
    const program = await runCli([...flags, '--json'], { env: { ...env, SAFELIGHT_SAFETY: 'blur' } });
    assert.equal(JSON.parse(program.stdout).images[0].safety.policy, 'blur');
    assert.equal(JSON.parse(program.stdout).settings.safety, 'blur');
    assert.ok((await readFile(output)).length > 0);
    assert.equal((await runCli([...flags, '--safety', 'none'], { env })).exit, 2);
  });
});
