import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createSafelight } from '@safelight/sdk';
import sharp from 'sharp';
import { createEngine } from '../../function/src/create-engine.ts';
import { serve } from '../function/api/serve-fixture.ts';
import { embeddedModelFolder, sharedCacheDir } from '../support/embedded-model.ts';
import { encodeLora, layers } from '../support/lora-files.ts';
import { runCli } from '../support/run-cli.ts';

const quick = ['--size', '64', '--steps', '2', '--seed', '7', '--json'];

describe('LoRAs from the command line, the API and the SDK', () => {
  let folder: string;
  let expected: Buffer;
  const lorasDir = () => join(folder, 'loras');
  const run = (...args: string[]) => runCli(args, { cwd: folder, env: { SAFELIGHT_LORAS: lorasDir() } });
  const pixels = async (data: Uint8Array | string) => sharp(data).raw().toBuffer();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'safelight-test-'));
    await mkdir(lorasDir());
    await writeFile(join(lorasDir(), 'style.safetensors'), encodeLora([layers.conv, layers.text]));
    const { exit, stderr } = await run(
      'generate',
      'a red apple',
      '--lora',
      'style:0.25',
      '-o',
      'expected.png',
      ...quick,
    );
    assert.equal(exit, 0, stderr);
    expected = await pixels(join(folder, 'expected.png'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('--lora changes the picture, and the settings say so', async () => {
    const { stdout } = await run('generate', 'a red apple', '-o', 'plain.png', ...quick);
    assert.equal(JSON.parse(stdout).settings.loras, undefined);
    assert.ok(!expected.equals(await pixels(join(folder, 'plain.png'))));
    const both = await run(
      'generate',
      'a red apple',
      '--lora',
      'style:1',
      '--lora',
      'style:-0.75',
      '-o',
      'sum.png',
      ...quick,
    );
    assert.deepEqual(JSON.parse(both.stdout).settings.loras, [
      { name: 'style', weight: 1 },
      { name: 'style', weight: -0.75 },
    ]);
    assert.ok(expected.equals(await pixels(join(folder, 'sum.png'))));
  });

  test('a prompt names it as in AUTOMATIC1111, and --loras says where it lies', async () => {
    const args = ['a red apple<lora:style:0.25>', '--loras', lorasDir(), '-o', 'tag.png', ...quick];
    const { exit, stdout } = await runCli(['generate', ...args], { cwd: folder });
    assert.equal(exit, 0);
    assert.deepEqual(JSON.parse(stdout).warnings, []);
    assert.ok(expected.equals(await pixels(join(folder, 'tag.png'))));
  });

  test('wrong names and weights are wrong input, and say what is right', async () => {
    const missing = await run('generate', 'a red apple', '--lora', 'nothing', ...quick);
    assert.equal(missing.exit, 2);
    assert.match(JSON.parse(missing.stderr).error.message, /no LoRA of the name "nothing" here: use one of style/);
    const weight = await run('generate', 'a red apple', '--lora', 'style:much', ...quick);
    assert.equal(weight.exit, 2);
    assert.match(JSON.parse(weight.stderr).error.message, /such as style:0\.8/);
  });

  test('safelight loras lists them', async () => {
    assert.equal((await run('loras')).stdout, 'style\n');
    assert.equal((await run('loras', '--json')).stdout, '["style"]\n');
    assert.match((await run('loras', '--loras', join(folder, 'none'))).stdout, /^No LoRAs in /);
  });

  test('weights convert --lora adds it for good', async () => {
    const checkpoint = join(embeddedModelFolder, 'mini.safetensors');
    const lora = `${join(lorasDir(), 'style.safetensors')}:0.25`;
    const output = join(folder, 'models/styled');
    const args = [
      'weights',
      'convert',
      checkpoint,
      '--name',
      'styled',
      '--lora',
      lora,
      '-o',
      output,
      '--accept-license',
    ];
    const { exit, stderr } = await run(...args);
    assert.equal(exit, 0, stderr);
    const manifest = JSON.parse(await readFile(join(output, 'manifest.json'), 'utf8'));
    assert.notEqual(manifest.source.sha256, '97ae166e2d1d4645cc044a1c506480faffb8581021173af33fa6b9f403d3c034');
    const elsewhere = join(folder, 'models/other');
    const wrong = await run(...args.map((arg) => ({ [lora]: `${lora}:x`, [output]: elsewhere })[arg] ?? arg));
    assert.equal(wrong.exit, 2);
    assert.match(wrong.stderr, /There is no file style\.safetensors:0\.25:x/);
  });

  test('the SDK asks a server for them', async (t) => {
    const engine = await createEngine({ cacheDir: sharedCacheDir, lorasDir: lorasDir() });
    t.after(() => engine.close());
    await using fixture = await serve(engine);
    const safelight = createSafelight({ endpoint: fixture.server.url });
    const input = { prompt: 'a red apple', width: 64, height: 64, steps: 2, seed: 7 };
    const { images, settings } = await safelight.generate({ ...input, loras: [{ name: 'style', weight: 0.25 }] });
    assert.deepEqual(settings.loras, [{ name: 'style', weight: 0.25 }]);
    const [image] = images;
    assert.ok(image);
    assert.ok(expected.equals(await pixels(new Uint8Array(await safelight.images.arrayBuffer(image)))));
    // What a job ran with can be asked for again as it is.
    assert.deepEqual((await safelight.generate(settings)).images[0]?.sha256, image.sha256);

    await assert.rejects(safelight.generate({ ...input, loras: [{ name: 'nothing' }] }), {
      code: 'invalid_input',
      message: /use one of style/,
    });
    const tooStrong = safelight.generate({ ...input, loras: [{ name: 'style', weight: 11 }] });
    await assert.rejects(tooStrong, { code: 'invalid_input', message: /weight must be a number from -10 to 10/ });
    const unknown = safelight.generate({ ...input, loras: [{ name: 'style', wieght: 1 } as { name: string }] });
    await assert.rejects(unknown, { code: 'invalid_input', message: /unknown field: wieght/ });
  });
});
