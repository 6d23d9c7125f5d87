import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, truncate, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { FoundLora } from '../../../function/src/add-ons/loras/find-loras.ts';
import { openMergedBundle } from '../../../function/src/add-ons/loras/merged-bundle.ts';
import { buildGraph } from '../../../function/src/bundle/compile.ts';
import { convertCheckpoint } from '../../../function/src/bundle/convert-checkpoint.ts';
import { type ComponentName, weightsFile } from '../../../function/src/bundle/manifest.ts';
import { type Bundle, openBundle } from '../../../function/src/bundle/open-bundle.ts';
import { placeWeights } from '../../../function/src/graphs/encode-onnx.ts';
import { embeddedModelFolder, openEmbeddedBundle, temporaryFolder } from '../../support/embedded-model.ts';
import { asFloats, dividedLayers, encodeLora, type Layer, layers, mergeByHand } from '../../support/lora-files.ts';
import { widenUnet } from '../../support/wide-unet.ts';
import {
  encodeSafetensors,
  floats,
  readMiniTensors,
  type TensorData,
  type Tensors,
} from '../checkpoint/checkpoint-writer.ts';

const checkpoint = join(embeddedModelFolder, 'mini.safetensors');
const all: Layer[] = Object.values(layers);

async function writeLora(folder: string, file: Buffer, changes: Partial<FoundLora> = {}): Promise<FoundLora> {
  const sha256 = createHash('sha256').update(file).digest('hex');
  const path = join(folder, `${sha256.slice(0, 8)}.safetensors`);
  await writeFile(path, file);
  const weights = { unetWeight: 0.125, textEncoderWeight: 0.125 };
  return { name: 'mine', path, sha256, hash: sha256, field: 'prompt', ...weights, ...changes };
}

function readWeights(bundle: Bundle, component: ComponentName): Promise<Buffer> {
  return readFile(join(dirname(bundle.graphPath(component)), weightsFile(component)));
}

describe('LoRAs merged into a bundle', () => {
  let tensors: Tensors;
  before(async () => {
    tensors = await readMiniTensors();
  });

  for (const [name, layer] of Object.entries<Layer>(layers)) {
    test(`${name}: its weight has the sum, and every other byte is as before`, async (t) => {
      const folder = await temporaryFolder(t);
      const lora = await writeLora(folder, encodeLora([layer]));
      const base = await openEmbeddedBundle();
      const { bundle } = await openMergedBundle(base, [lora], { cacheDir: folder });
      const component = name === 'text' ? 'text_encoder' : 'unet';
      const { placements } = placeWeights(buildGraph(component, base.manifest.config, 'cpu'));
      const place = placements.find(({ weight }) => weight.name === layer.weight);
      assert.ok(place);
      const expected = await readWeights(base, component);
      expected.set(mergeByHand(tensors, [layer], 0.125).get(layer.weight)?.bytes as Uint8Array, place.offset);
      assert.ok(expected.equals(await readWeights(bundle, component)));
      // What did not change is not copied.
      const other = name === 'text' ? 'unet' : 'text_encoder';
      assert.deepEqual(
        [other, 'vae_decoder'].map((part) => bundle.graphPath(part as ComponentName)),
        [other, 'vae_decoder'].map((part) => base.graphPath(part as ComponentName)),
      );
    });
  }

  test('weights that are kept in several parts: as converting the merged checkpoint gives them, sums of rows to a rounding', async (t) => {
    const folder = await temporaryFolder(t);
    const changed: Layer[] = Object.values(dividedLayers);
    const wide = widenUnet(tensors);
    const convert = async (name: string, content: Tensors) => {
      await writeFile(join(folder, `${name}.safetensors`), encodeSafetensors(content));
      await convertCheckpoint({
        name: 'x',
        checkpoint: join(folder, `${name}.safetensors`),
        folder: join(folder, name),
      });
      return openBundle(join(folder, name));
    };
    const base = await convert('wide', wide);
    const byHand = await convert('by-hand', mergeByHand(wide, changed, 0.125));
    const lora = await writeLora(folder, encodeLora(changed));
    const { bundle } = await openMergedBundle(base, [lora], { cacheDir: folder });
    const { placements } = placeWeights(buildGraph('unet', base.manifest.config, 'cpu'));
    const [before, expected, actual] = await Promise.all(
      [base, byHand, bundle].map((opened) => readWeights(opened, 'unet')),
    );
    const parts: string[] = [];
    for (const { weight, offset, byteLength } of placements) {
      const part = (file: Buffer = Buffer.alloc(0)) =>
        new Float32Array(Uint8Array.from(file.subarray(offset, offset + byteLength)).buffer);
      const layer = changed.find((candidate) => weight.sources.some(({ name }) => name === candidate.weight));
      if (layer === undefined) {
        assert.deepEqual(part(actual), part(before), weight.name);
        continue;
      }
      parts.push(weight.name.slice(layer.weight.length));
      assert.notDeepEqual(part(actual), part(before), weight.name);
      const wanted = part(expected);
      const error = part(actual).reduce(
        (largest, value, i) => Math.max(largest, Math.abs(value - (wanted[i] as number))),
        0,
      );
      assert.ok(error <= (layer === dividedLayers.conv ? 2e-7 : 0), `${weight.name}: ${error}`);
    }
    const sums = Array.from({ length: 6 }, (_, i) => `.sum${i}_of_6`);
    assert.deepEqual(parts.sort(), ['.from0', '.from1024', ...sums]);
  });

  test('for a GPU: packed, channels last, and rounded to half precision once', async (t) => {
    const folder = await temporaryFolder(t);
    const byHand = join(folder, 'by-hand.safetensors');
    await writeFile(byHand, encodeSafetensors(mergeByHand(tensors, all, 0.125)));
    const options = { name: 'x', target: 'cuda' } as const;
    await convertCheckpoint({ ...options, checkpoint, folder: join(folder, 'plain') });
    await convertCheckpoint({ ...options, checkpoint: byHand, folder: join(folder, 'merged-by-hand') });
    const lora = await writeLora(folder, encodeLora(all));
    const { bundle } = await openMergedBundle(await openBundle(join(folder, 'plain')), [lora], { cacheDir: folder });
    const expected = await openBundle(join(folder, 'merged-by-hand'));
    for (const component of ['unet', 'text_encoder'] as const) {
      assert.ok((await readWeights(expected, component)).equals(await readWeights(bundle, component)), component);
    }
  });

  test('for good, when a checkpoint is converted: the same bytes, and another model hash', async (t) => {
    const folder = await temporaryFolder(t);
    const lora = await writeLora(folder, encodeLora(all));
    const plain = await convertCheckpoint({ checkpoint, name: 'x', folder: join(folder, 'plain') });
    const base = await openBundle(join(folder, 'plain'));
    const converted = await convertCheckpoint({
      checkpoint,
      name: 'x',
      folder: join(folder, 'converted'),
      loras: [lora],
    });
    const { bundle } = await openMergedBundle(base, [lora], { cacheDir: folder });
    for (const component of ['unet', 'text_encoder'] as const) {
      const expected = await readWeights(await openBundle(join(folder, 'converted')), component);
      assert.ok(expected.equals(await readWeights(bundle, component)), component);
    }
    assert.notEqual(converted.source.sha256, plain.source.sha256);
  });

  test('sums that the weights cannot hold are refused', async (t) => {
    const folder = await temporaryFolder(t);
    const { lora: name } = layers.text;
    const huge = (rows: number, columns: number) =>
      floats([rows, columns], new Array<number>(rows * columns).fill(3e38));
    const file = encodeSafetensors(
      new Map([
        [`${name}.lora_down.weight`, huge(1, 64)],
        [`${name}.lora_up.weight`, huge(64, 1)],
      ]),
    );
    const lora = await writeLora(folder, file);
    const merging = openMergedBundle(await openEmbeddedBundle(), [lora], { cacheDir: folder });
    await assert.rejects(merging, {
      code: 'invalid_input',
      message: /q_proj\.weight has values .* use smaller weights/,
    });
    assert.deepEqual(await readdir(join(folder, 'merged')), []);
  });

  test('weights in int8 are refused, and the text encoder beside them is not', async (t) => {
    const folder = await temporaryFolder(t);
    const model = join(folder, 'int8');
    await convertCheckpoint({ checkpoint, name: 'x', folder: model, precision: 'int8' });
    const base = await openBundle(model);
    const both = await writeLora(folder, encodeLora([layers.text, layers.linear]));
    await assert.rejects(openMergedBundle(base, [both], { cacheDir: folder }), {
      code: 'invalid_input',
      message: /in int8: convert the model's checkpoint with --lora, or without --precision int8/,
    });
    assert.deepEqual(await readdir(join(folder, 'merged')), []);
    const text = await writeLora(folder, encodeLora([layers.text]));
    const { bundle } = await openMergedBundle(base, [text], { cacheDir: folder });
    assert.equal(bundle.graphPath('unet'), base.graphPath('unet'));
    assert.notEqual(bundle.graphPath('text_encoder'), base.graphPath('text_encoder'));
  });
});

describe('the cache of merged models', () => {
  async function setUp(t: Parameters<typeof temporaryFolder>[0]) {
    const cacheDir = await temporaryFolder(t);
    const base = await openEmbeddedBundle();
    const lora = await writeLora(cacheDir, encodeLora([layers.text]));
    let merges = 0;
    const open = (changes: Partial<FoundLora> = {}) =>
      openMergedBundle(base, [{ ...lora, ...changes }], { cacheDir, onMerge: () => (merges += 1) });
    return { folder: join(cacheDir, 'merged'), cacheDir, base, lora, open, count: () => merges };
  }

  test('merges once for the same LoRA and weight, and again for others', async (t) => {
    const { open, count, folder } = await setUp(t);
    const first = await open();
    assert.equal((await open()).bundle.graphPath('text_encoder'), first.bundle.graphPath('text_encoder'));
    assert.equal(count(), 1);
    await open({ textEncoderWeight: 0.25 });
    assert.equal(count(), 2);
    assert.equal((await readdir(folder)).length, 2);
  });

  test('weight 0 everywhere is the model itself', async (t) => {
    const { open, count, base } = await setUp(t);
    const { bundle } = await open({ unetWeight: 0, textEncoderWeight: 0 });
    assert.equal(bundle, base);
    assert.equal(count(), 0);
  });

  test('heals what was damaged', async (t) => {
    const { open, count, folder } = await setUp(t);
    const whole = await readWeights((await open()).bundle, 'text_encoder');
    const [name = ''] = await readdir(folder);
    await truncate(join(folder, name, 'text_encoder.weights'), 1000);
    assert.ok(whole.equals(await readWeights((await open()).bundle, 'text_encoder')));
    assert.equal(count(), 2);
  });

  test('two at once end with the same weights and nothing half-made', async (t) => {
    const { open, folder } = await setUp(t);
    const [a, b] = await Promise.all([open(), open()]);
    assert.ok(a && b);
    assert.equal(a.bundle.graphPath('text_encoder'), b.bundle.graphPath('text_encoder'));
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.endsWith('.tmp')),
      [],
    );
  });

  test('keeps the latest four, and whatever was used a moment ago', async (t) => {
    const { open, folder } = await setUp(t);
    await mkdir(folder);
    const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);
    for (const [name, hours] of [
      ['a', 9],
      ['b', 8],
      ['c', 7],
      ['d', 6],
      ['e', 0],
    ] as const) {
      await mkdir(join(folder, name));
      await utimes(join(folder, name), hoursAgo(hours), hoursAgo(hours));
    }
    await open();
    const left = (await readdir(folder)).filter((name) => name.length === 1).sort();
    assert.deepEqual(left, ['c', 'd', 'e']);
    // Used again, it is the latest.
    for (const name of left) await utimes(join(folder, name), hoursAgo(0), hoursAgo(0));
    for (const textEncoderWeight of [0.5, 0.75]) await open({ textEncoderWeight });
    assert.equal((await readdir(folder)).length, 6);
  });

  test('a file that is not the one that was found is not kept under its checksum', async (t) => {
    const { open, folder } = await setUp(t);
    const error = { code: 'unavailable', isRetryable: true, message: /mine changed while it was read/ };
    await assert.rejects(open({ sha256: '0'.repeat(64) }), error);
    assert.deepEqual(await readdir(folder), []);
  });

  test('an abort leaves nothing', async (t) => {
    const { base, lora, cacheDir, folder } = await setUp(t);
    const signal = AbortSignal.abort(new Error('enough'));
    await assert.rejects(openMergedBundle(base, [lora], { cacheDir, signal }), /enough/);
    assert.deepEqual(await readdir(folder), []);
  });

  test('a bundle whose graphs are of another version is not merged into', async (t) => {
    const { base, lora, cacheDir } = await setUp(t);
    const files = { ...base.manifest.files, 'text_encoder.onnx': { bytes: 1, partBytes: 1, crc32: ['0'.repeat(8)] } };
    const other = { ...base, manifest: { ...base.manifest, files } };
    await assert.rejects(openMergedBundle(other, [lora], { cacheDir }), {
      code: 'model_corrupt',
      message: /Convert the model again/,
    });
  });

  test('float16 factors and whole numbers as alpha are read', async (t) => {
    const { base, cacheDir } = await setUp(t);
    const { lora: name, weight } = layers.text;
    const ones = Uint16Array.from({ length: 64 }, () => 0x3c00); // 1 in half precision
    const bytes = new Uint8Array(ones.buffer);
    const file = encodeSafetensors(
      new Map<string, TensorData>([
        [`${name}.lora_down.weight`, { type: 'F16', shape: [1, 64], bytes }],
        [`${name}.lora_up.weight`, { type: 'F16', shape: [64, 1], bytes }],
        [`${name}.alpha`, { type: 'I64', shape: [], bytes: new Uint8Array(BigInt64Array.of(2n).buffer) }],
      ]),
    );
    const { bundle } = await openMergedBundle(base, [await writeLora(cacheDir, file, { textEncoderWeight: 1 })], {
      cacheDir,
    });
    const { placements } = placeWeights(buildGraph('text_encoder', base.manifest.config, 'cpu'));
    const place = placements.find((candidate) => candidate.weight.name === weight);
    const merged = (await readWeights(bundle, 'text_encoder')).readFloatLE(place?.offset);
    const plain = asFloats((await readMiniTensors()).get(weight) as Parameters<typeof asFloats>[0])[0] as number;
    assert.equal(merged, Math.fround(plain + 2));
  });
});
