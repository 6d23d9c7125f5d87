/** `txt2img` and `img2img` draw what CompVis' scripts draw: their own arguments, their own numbering, their own pixels. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readPictureText } from '@safelight/sdk/metadata';
import sharp from 'sharp';
import golden from '../fixtures/original-scripts/cases.json' with { type: 'json' };
import { temporaryFolder } from '../support/embedded-model.ts';
import { finish, runCli, spawnCli } from '../support/run-cli.ts';

const fixtures = join(import.meta.dirname, '../fixtures/original-scripts');
const initImage = join(import.meta.dirname, '../../docs/images/a-red-apple.png');
const quick = ['--ddim_steps', '1', '--H', '64', '--W', '64', '--scale', '1'];

async function pixelsOf(file: string): Promise<{ data: Buffer; size: number[] }> {
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
  return { data, size: [info.width, info.height, info.channels] };
}

interface Case {
  script: string;
  args: string[];
  prompts?: string[];
}

describe('the same pictures as the original script', () => {
  for (const [name, { script, args, prompts }] of Object.entries<Case>(golden.cases)) {
    test(`${script}: ${name}, within 2 levels of 255`, async (t) => {
      const cwd = await temporaryFolder(t);
      const more = script === 'img2img' ? ['--init-img', initImage] : [];
      if (prompts !== undefined) {
        await writeFile(join(cwd, 'prompts.txt'), `${prompts.join('\n')}\n`);
        more.push('--from-file', 'prompts.txt');
      }
      const { exit, stderr } = await runCli([script, ...args, ...more, '--outdir', 'out'], { cwd });
      assert.equal(exit, 0, stderr);
      const expected = await pixelsOf(join(fixtures, `${name}.png`));
      const drawn = await pixelsOf(join(cwd, 'out', 'grid-0000.png'));
      assert.deepEqual(drawn.size, expected.size);
      const error = expected.data.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - (drawn.data[i] ?? 256))),
        0,
      );
      t.diagnostic(`max error ${error} levels`);
      assert.ok(error <= 2, `max error ${error} levels`);
    });
  }
});

describe('files of the scripts', () => {
  test('lie where the original puts them, go on from what is there, and overwrite nothing', async (t) => {
    const cwd = await temporaryFolder(t);
    const run = () => runCli(['txt2img', '--prompt', 'a fox', '--n_samples', '1', ...quick], { cwd });
    const first = await run();
    assert.equal(first.exit, 0, first.stderr);
    assert.match(first.stdout, /^Your samples are ready and waiting for you here:\noutputs\/txt2img-samples\n/);
    const outdir = join(cwd, 'outputs/txt2img-samples');
    assert.deepEqual((await readdir(outdir)).sort(), ['grid-0000.png', 'samples']);
    assert.deepEqual((await readdir(join(outdir, 'samples'))).sort(), ['00000.png', '00001.png']);
    await writeFile(join(outdir, 'samples/00003.png'), 'mine');
    assert.equal((await run()).exit, 0);
    assert.deepEqual((await readdir(outdir)).sort(), ['grid-0000.png', 'grid-0001.png', 'samples']);
    const names = ['00000.png', '00001.png', '00003.png', '00004.png', '00005.png'];
    assert.deepEqual((await readdir(join(outdir, 'samples'))).sort(), names);
    assert.equal(await readFile(join(outdir, 'samples/00003.png'), 'utf8'), 'mine');
  });

  test('--skip_save and --skip_grid leave theirs out; a file says that a machine drew it, and no settings', async (t) => {
    const cwd = await temporaryFolder(t);
    const once = ['txt2img', '--prompt', 'a fox', '--n_iter', '1', '--n_samples', '1', ...quick];
    assert.equal((await runCli([...once, '--skip_save', '--outdir', 'a'], { cwd })).exit, 0);
    assert.deepEqual(await readdir(join(cwd, 'a/samples')), []);
    assert.equal((await runCli([...once, '--skip_grid', '--outdir', 'b'], { cwd })).exit, 0);
    assert.deepEqual(await readdir(join(cwd, 'b')), ['samples']);
    const file = await readFile(join(cwd, 'b/samples/00000.png'));
    assert.equal(await readPictureText(new Blob([new Uint8Array(file)])), undefined);
    assert.match(file.toString('latin1'), /trainedAlgorithmicMedia/);
  });

  test('are written as they come: an interruption leaves those that are finished', async (t) => {
    const cwd = await temporaryFolder(t);
    const child = spawnCli(['txt2img', '--prompt', 'a fox', '--n_iter', '500', '--n_samples', '1', ...quick], { cwd });
    const finished = finish(child);
    const samples = join(cwd, 'outputs/txt2img-samples/samples');
    while (child.exitCode === null && (await readdir(samples).catch(() => [])).length < 2) await sleep(50);
    child.kill('SIGINT');
    const { exit, stderr } = await finished;
    assert.equal(exit, 130, stderr);
    assert.equal(stderr, 'safelight: Interrupted: pictures that are finished stay, and there is no grid.\n');
    for (const name of await readdir(samples))
      assert.deepEqual((await pixelsOf(join(samples, name))).size, [64, 64, 3]);
    assert.deepEqual(await readdir(join(cwd, 'outputs/txt2img-samples')), ['samples']);
  });

  test('of txt2img carry the watermark, those of img2img do not', async (t) => {
    const cwd = await temporaryFolder(t);
    const large = ['--ddim_steps', '1', '--n_iter', '1', '--n_samples', '1', '--scale', '1', '--prompt', 'a fox'];
    const find = async (file: string) => JSON.parse((await runCli(['watermark', file, '--json'], { cwd })).stdout);
    const drawn = await runCli(['txt2img', ...large, '--H', '256', '--W', '256', '--outdir', 'a'], { cwd });
    assert.equal(drawn.exit, 0, drawn.stderr);
    assert.equal((await find('a/samples/00000.png')).watermark, 'StableDiffusionV1');
    assert.equal((await find('a/grid-0000.png')).watermark, 'StableDiffusionV1');
    // 270 by 290 pixels: the sides are cut down to multiples of 32.
    await sharp(initImage).resize(270, 290, { fit: 'fill' }).toFile(join(cwd, 'start.png'));
    const again = await runCli(['img2img', ...large, '--init-img', 'start.png', '--outdir', 'b'], { cwd });
    assert.equal(again.exit, 0, again.stderr);
    assert.deepEqual((await pixelsOf(join(cwd, 'b/samples/00000.png'))).size.slice(0, 2), [256, 288]);
    assert.equal((await find('b/samples/00000.png')).watermark, null);
  });
});

describe('checkpoints of the scripts', () => {
  const once = ['txt2img', '--prompt', 'a red apple', '--n_iter', '1', '--n_samples', '1', '--skip_grid', ...quick];
  const mini = join(import.meta.dirname, '../../function/models/mini/mini.safetensors');

  test('where the guide has them are converted once, with consent, and draw what the model of that name draws', async (t) => {
    const cwd = await temporaryFolder(t);
    const env = { SAFELIGHT_CACHE_DIR: join(cwd, 'cache'), SAFELIGHT_MODELS_DIR: join(cwd, 'own') };
    const converted = await runCli(['weights', 'convert', mini, '--name', 'sd', '--accept-license'], { cwd, env });
    assert.equal(converted.exit, 0, converted.stderr);
    assert.equal((await runCli([...once, '--ckpt', 'sd', '--outdir', 'a'], { cwd, env })).exit, 0);
    await mkdir(join(cwd, 'models/ldm/stable-diffusion-v1'), { recursive: true });
    await copyFile(mini, join(cwd, 'models/ldm/stable-diffusion-v1/model.ckpt'));
    const refused = await runCli([...once, '--outdir', 'b'], { cwd, env });
    assert.equal(refused.exit, 2);
    assert.match(refused.stderr, /--accept-license/);
    assert.equal((await runCli([...once, '--outdir', 'b', '--accept-license'], { cwd, env })).exit, 0);
    const made = (await readdir(join(cwd, 'cache'))).filter((name) => /^checkpoint-[0-9a-f]{16}-cpu-/.test(name));
    assert.equal(made.length, 1);
    // Consent and conversion are not needed again.
    const second = await runCli([...once, '--outdir', 'c'], { cwd, env });
    assert.equal(second.exit, 0, second.stderr);
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => readFile(join(cwd, name, 'samples/00000.png'))));
    assert.ok(a?.equals(b as Buffer) && a.equals(c as Buffer));
  });

  test('may be models by name; what is not there is named', async (t) => {
    const cwd = await temporaryFolder(t);
    assert.equal((await runCli([...once, '--ckpt', 'mini'], { cwd })).exit, 0);
    const missing = await runCli([...once, '--ckpt', 'models/no.ckpt'], { cwd });
    assert.deepEqual([missing.exit, missing.stderr], [2, 'safelight: --ckpt models/no.ckpt is not there\n']);
    assert.match((await runCli([...once, '--ckpt', 'nobody'], { cwd })).stderr, /There is no model of that name here/);
  });
});

describe('flags that would mean another picture', () => {
  const refusals: [string[], RegExp][] = [
    [['txt2img', '--laion400m'], /--laion400m is another architecture/],
    [['txt2img', '--C', '8'], /--C must be 4/],
    [['txt2img', '--f', '16'], /--f must be 8/],
    [['txt2img', '--config', 'configs/latent-diffusion/txt2img-1p4B-eval.yaml'], /--config must be v1-inference.yaml/],
    [['txt2img', '--plms', '--ddim_eta', '0.5'], /--ddim_eta must be 0 for PLMS/],
    [['txt2img', '--dpm_solver', '--ddim_steps', '1'], /--ddim_steps must be 2 or more/],
    [['txt2img', '--seed', '-1'], /--seed must be a number from 0/],
    [['txt2img', '--n_samples', '1.5'], /--n_samples must be a whole number/],
    [['txt2img', '--H', '1024'], /--H must be from 64 to 512 for model mini/],
    [['txt2img', '--n_iter', '5000'], /--skip_grid/],
    [['txt2img', '--from-file', 'none.txt'], /--from-file cannot be read/],
    [['img2img', '--init-img', initImage, '--plms'], /--plms is not supported/],
    [['img2img'], /--init-img is missing/],
    [['img2img', '--init-img', 'none.png'], /init-img cannot be read/],
    [['img2img', '--init-img', initImage, '--strength', '1.5'], /--strength must be a number from 0 to 1/],
  ];
  for (const [args, message] of refusals) {
    test(`${args.filter((arg) => arg !== initImage).join(' ')} is refused in words`, async (t) => {
      const cwd = await temporaryFolder(t);
      const { exit, stdout, stderr } = await runCli(args, { cwd });
      assert.deepEqual([exit, stdout], [2, '']);
      assert.match(stderr, message);
      assert.deepEqual(await readdir(cwd), []);
    });
  }

  test('and those that change nothing are taken, with a line that says so', async (t) => {
    const cwd = await temporaryFolder(t);
    const once = ['txt2img', '--prompt', 'a fox', '--n_iter', '1', '--n_samples', '1', ...quick];
    const { exit, stderr } = await runCli([...once, '--precision', 'full', '--C', '4', '--f', '8'], { cwd });
    assert.equal(exit, 0, stderr);
    assert.match(stderr, /^Note: --precision changes nothing: [^\n]+\n$/);
  });
});
