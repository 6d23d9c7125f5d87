import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeOnnx } from '../../../function/src/graphs/encode-onnx.ts';
import { createLayers } from '../../../function/src/graphs/layers/create-layers.ts';
import { createSessionHost } from '../../../function/src/runtime/session-host.ts';
import { tensor } from '../../../function/src/runtime/tensor.ts';
import { openEmbeddedBundle, temporaryFolder } from '../../support/embedded-model.ts';

const residentMegabytes = () => process.memoryUsage().rss / 1e6;

/** onnxruntime chooses the size of its blocks by it, and has none where the system does not say. */
function knowsCache(): boolean {
  try {
    return Number(execFileSync('getconf', ['LEVEL2_CACHE_SIZE'])) > 0;
  } catch {
    return false;
  }
}

// First: the peak is that of the whole process.
test('attention never has all its scores in memory', { skip: !knowsCache() }, async (t) => {
  const host = createSessionHost();
  t.after(() => host.close());
  const layers = createLayers('cpu', 'attention');
  const x = layers.g.input('x', 'float32', [1, 'places', 32]);
  layers.g.output(layers.attention(x, x, x, 1), 'y', 'float32', [1, 'places', 32]);
  const path = join(await temporaryFolder(t), 'attention.onnx');
  await writeFile(path, encodeOnnx(layers.g.build(), 'none'));
  await host.load('attention', path);
  const run = (places: number) =>
    host.run('attention', { x: tensor(new Float32Array(places * 32).fill(0.1), [1, places, 32]) });
  await run(64);
  const before = residentMegabytes();
  const places = 10_240;
  await run(places);
  const taken = process.resourceUsage().maxRSS / 1000 - before;
  const scores = (places ** 2 * 4) / 1e6;
  t.diagnostic(`${taken.toFixed(0)} MB, the scores would be ${scores.toFixed(0)} MB`);
  assert.ok(taken < scores / 2, `${taken} MB`);
});

test('a picture takes less than three of the largest feature maps, a second one no more than the first', async (t) => {
  const host = createSessionHost();
  t.after(() => host.close());
  const bundle = await openEmbeddedBundle();
  await host.load('vae_decoder', bundle.graphPath('vae_decoder'));
  const side = 64;
  const latents = tensor(new Float32Array(4 * side ** 2).fill(0.1), [1, 4, side, side]);
  const { ch, ch_mult } = bundle.manifest.config.vae;
  const largest = (ch * (ch_mult[1] ?? 1) * (8 * side) ** 2 * 4) / 1e6;
  const start = residentMegabytes();
  await host.run('vae_decoder', { latents });
  const first = residentMegabytes() - start;
  await host.run('vae_decoder', { latents });
  const later = residentMegabytes() - start;
  t.diagnostic(`${first.toFixed(0)} MB, then ${later.toFixed(0)} MB; the largest map ${largest.toFixed(0)} MB`);
  assert.ok(first > 50, `${first} MB: too little to compare`);
  assert.ok(first < 3 * largest, `${first} MB for maps of ${largest} MB: the decoder takes four without its strips`);
  assert.ok(later < first * 1.4, `${first} MB, then ${later} MB`);
});
