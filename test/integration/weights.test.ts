import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { embeddedModelFolder, temporaryFolder } from '../support/embedded-model.ts';
import { writePreviewDecoder } from '../support/preview-decoder.ts';
import { runCli } from '../support/run-cli.ts';
import { ACCESS_KEY_ID, startS3Server } from '../support/s3-server.ts';

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
  assert.match(verified.stdout, /^10 files are as the manifest says\n/);
  assert.match(verified.stdout, /unet computes/);

  const drawn = await weights('generate', 'a fox', '--model', 'mine', '--size', '64', '--steps', '1', '--seed', '1');
  assert.equal(drawn.stdout, 'safelight-1.png  64×64, seed 1\n');

  const decoder = await writePreviewDecoder(modelsDir);
  const quick = ['--name', 'quick', '--preview-decoder', decoder, '--accept-license'];
  assert.equal((await weights('weights', 'convert', checkpoint, ...quick)).exit, 0);
  const checked = await weights('weights', 'verify', 'quick');
  assert.match(checked.stdout, /^12 files are as the manifest says\n/);
  assert.match(checked.stdout, /preview_decoder computes/);
  const small = ['--size', '64', '--steps', '1', '--seed', '2'];
  const preview = await weights('generate', 'a fox', '--model', 'quick', '--decoder', 'preview', ...small);
  assert.equal(preview.stdout, 'safelight-2.png  64×64, seed 2\n', preview.stderr);
  const { comments } = await sharp(join(modelsDir, 'safelight-2.png')).metadata();
  assert.match(comments?.[0]?.text ?? '', /VAE Decoder: TAESD/);

  const defaults = ['--sampler', 'lcm', '--steps', '2', '--guidance', '1'];
  assert.equal(
    (await weights('weights', 'convert', checkpoint, '--name', 'swift', ...defaults, '--accept-license')).exit,
    0,
  );
  await weights('generate', 'a fox', '--model', 'swift', '--size', '64', '--seed', '3');
  const swift = await sharp(join(modelsDir, 'safelight-3.png')).metadata();
  assert.match(swift.comments?.[0]?.text ?? '', /Steps: 2, Sampler: LCM, .*CFG scale: 1,/);

  for (const args of [
    ['weights', 'convert', checkpoint, '--name', 'mine2', '--sampler', 'nope', '--accept-license'],
    ['weights', 'convert', checkpoint, '--name', 'mine2', '--sampler', 'DPM++ 2M Karras', '--accept-license'],
    ['weights', 'convert', checkpoint, '--name', 'mine2', '--steps', 'two', '--accept-license'],
    ['weights', 'convert', checkpoint, '--name', 'mini', '--accept-license'],
    ['weights', 'convert', checkpoint, '--name', '../up', '--accept-license'],
    ['weights', 'verify', 'nothing'],
  ]) {
    assert.equal((await weights(...args)).exit, 2, args.join(' '));
  }
  assert.ok(!(await readdir(modelsDir)).includes('mine2'));
});

test('safelight weights push and pull carry a model through S3, and only once', async (t) => {
  const folder = await temporaryFolder(t);
  const server = await startS3Server();
  t.after(() => server.close());
  const env = {
    SAFELIGHT_MODELS_DIR: join(folder, 'here'),
    AWS_ENDPOINT_URL_S3: server.endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY: 'test',
  };
  const weights = (...args: string[]) => runCli(['weights', ...args], { cwd: folder, env });
  assert.equal((await weights('convert', checkpoint, '--name', 'mine', '--accept-license')).exit, 0);

  const pushed = await weights('push', 'mine', 's3://models/team/mine');
  assert.equal(pushed.exit, 0, pushed.stderr);
  assert.match(pushed.stdout, /^\d+ files sent, [56]\d MB\n$/);
  assert.match(pushed.stderr, /OpenRAIL-M/);
  assert.match((await weights('push', 'mine', 's3://models/team/mine')).stdout, /^0 files sent, 0 MB\n$/);

  // What `deploy --model mini` sends: the embedded model, made for GPUs.
  const cuda = { ...env, SAFELIGHT_DEVICE: 'cuda', SAFELIGHT_CACHE_DIR: join(folder, 'cache') };
  const embedded = await runCli(['weights', 'push', 'mini', 's3://models/mini'], { cwd: folder, env: cuda });
  assert.match(embedded.stdout, /^\d+ files sent, 2\d MB\n$/, embedded.stderr);
  assert.match(embedded.stderr, /Apache-2\.0/);
  const manifest = server.objects.get('models/mini/manifest.json') ?? assert.fail();
  assert.equal(JSON.parse(Buffer.from(manifest.body).toString()).target, 'cuda');

  const there = { ...env, SAFELIGHT_MODELS_DIR: join(folder, 'there') };
  const pulled = await runCli(['weights', 'pull', 's3://models/team/mine'], { cwd: folder, env: there });
  assert.equal(pulled.stdout, `${join(folder, 'there/mine')}\nAsk for it with --model mine\n`, pulled.stderr);
  const drawing = ['generate', 'a fox', '--model', 'mine', '--size', '64', '--steps', '1', '--seed', '1'];
  assert.equal((await runCli(drawing, { cwd: folder, env: there })).exit, 0);

  const missing = await weights('pull', 's3://nothing/here');
  assert.equal(missing.exit, 1);
  assert.match(missing.stderr, /nothing/);
  assert.equal((await weights('push', 'mine', 'models/team')).exit, 2);
});
