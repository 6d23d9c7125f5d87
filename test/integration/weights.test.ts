import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { embeddedModelFolder, temporaryFolder } from '../support/embedded-model.ts';
import { runCli } from '../support/run-cli.ts';

const checkpoint = join(embeddedModelFolder, 'mini.safetensors');

test('safelight weights: inspect, convert with consent, verify, and draw with it', async (t) => {
  const modelsDir = await temporaryFolder(t);
  const weights = (...args: string[]) => runCli(args, { cwd: modelsDir, env: { SAFELIGHT_MODELS_DIR: modelsDir } });

  const inspected = await weights('weights', 'inspect', checkpoint);
  assert.match(inspected.stdout, /^Stable Diffusion v1\n {2}layout: compvis\n/);
  assert.match(inspected.stdout, /unet: 324 tensors, 6\.6 M parameters/);
  assert.match(inspected.stdout, /can be converted\n$/);

  // Without a terminal there is nobody to ask, so consent must be said.
  const unasked = await weights('weights', 'convert', checkpoint, '--name', 'mine');
  assert.equal(unasked.exit, 2);
  assert.match(unasked.stderr, /OpenRAIL-M.*--accept-license/);
  assert.deepEqual(await readdir(modelsDir), []);

  const converted = await weights('weights', 'convert', checkpoint, '--name', 'mine', '--accept-license', '--json');
  assert.equal(converted.exit, 0, converted.stderr);
  assert.deepEqual(JSON.parse(converted.stdout).folder, join(modelsDir, 'mine'));

  const verified = await weights('weights', 'verify', 'mine');
  assert.match(verified.stdout, /^9 files are as the manifest says\n/);
  assert.match(verified.stdout, /unet computes/);

  const drawn = await weights('generate', 'a fox', '--model', 'mine', '--size', '64', '--steps', '1', '--seed', '1');
  assert.equal(drawn.stdout, 'safelight-1.png  64×64, seed 1\n');

  for (const args of [
    ['weights', 'convert', checkpoint, '--name', 'mini', '--accept-license'],
    ['weights', 'convert', checkpoint, '--name', '../up', '--accept-license'],
    ['weights', 'verify', 'nothing'],
  ]) {
    assert.equal((await weights(...args)).exit, 2, args.join(' '));
  }
});
