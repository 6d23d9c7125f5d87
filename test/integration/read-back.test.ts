/** `png-info` and `generate --from-image`: pictures say how they were made, and are made again. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { generateInputSchema } from '@safelight/sdk/contract';
import sharp from 'sharp';
import { temporaryFolder } from '../support/embedded-model.ts';
import { runCli } from '../support/run-cli.ts';

const initImage = join(import.meta.dirname, '../../docs/images/a-red-apple.png');
const quick = ['--size', '64', '--steps', '2'];

async function generate(cwd: string, args: string[]): Promise<void> {
  const { exit, stderr } = await runCli(['generate', ...args], { cwd });
  assert.equal(exit, 0, stderr);
}

describe('safelight generate --from-image', () => {
  test('draws the same file, and with other options another one', async (t) => {
    const cwd = await temporaryFolder(t);
    const settings = [
      '-n',
      'blue',
      '--sampler',
      'euler',
      '--s-churn',
      '2',
      '--seed',
      '5',
      '--no-watermark',
      '--clip-skip',
      '2',
    ];
    await generate(cwd, ['a', 'fox', ...quick, ...settings, '-o', 'first.webp']);
    // The format is the picture's, as nothing else was asked for.
    await generate(cwd, ['--from-image', 'first.webp', '--seed', '5']);
    const first = await readFile(join(cwd, 'first.webp'));
    assert.ok(first.equals(await readFile(join(cwd, 'safelight-5.webp'))));

    await generate(cwd, [
      'a cat',
      '--from-image',
      'first.webp',
      '--steps',
      '3',
      '--sampler',
      'ddim',
      '-o',
      'other.png',
    ]);
    const { stdout } = await runCli(['png-info', 'other.png', '--json'], { cwd });
    const { input } = JSON.parse(stdout);
    const { prompt, negativePrompt, steps, sampler, sChurn, seed, watermark } = input;
    assert.deepEqual([prompt, negativePrompt, steps, sampler, sChurn], ['a cat', 'blue', 3, 'DDIM', undefined]);
    assert.deepEqual([seed, watermark, input.clipSkip], [5, false, 2]);
  });

  test('asks for the pictures that a file does not hold, and draws the same with them', async (t) => {
    const cwd = await temporaryFolder(t);
    await copyFile(initImage, join(cwd, 'apple.png'));
    await sharp({ create: { width: 128, height: 128, channels: 3, background: 'white' } })
      .png()
      .toFile(join(cwd, 'mask.png'));
    const pictures = ['--init-image', 'apple.png', '--mask', 'mask.png'];
    await generate(cwd, ['a fox', ...quick, '--strength', '0.6', ...pictures, '-o', 'first.png']);
    const refusals: [string[], RegExp][] = [
      [[], /first\.png was drawn with a picture that its file does not hold: give it with --init-image/],
      [['--init-image', 'apple.png'], /with a mask that its file does not hold: give it with --mask/],
    ];
    for (const [args, message] of refusals) {
      const { exit, stderr } = await runCli(['generate', '--from-image', 'first.png', ...args], { cwd });
      assert.equal(exit, 2);
      assert.match(stderr, message);
    }
    await generate(cwd, ['--from-image', 'first.png', ...pictures, '-o', 'again.png']);
    assert.ok((await readFile(join(cwd, 'first.png'))).equals(await readFile(join(cwd, 'again.png'))));
  });

  test('a prompt is needed without it, and a picture with settings', async (t) => {
    const cwd = await temporaryFolder(t);
    const without = await runCli(['generate', ...quick], { cwd });
    assert.deepEqual([without.exit, without.stderr], [2, 'safelight: prompt is empty: say what to draw\n']);
    await mkdir(join(cwd, 'folder'));
    await sharp(initImage).toFile(join(cwd, 'plain.png'));
    for (const [file, message] of [
      ['none.png', /from-image cannot be read/],
      ['folder', /from-image cannot be read/],
      ['plain.png', /plain\.png carries no settings/],
    ] as const) {
      const { exit, stderr } = await runCli(['generate', '--from-image', file], { cwd });
      assert.equal(exit, 2);
      assert.match(stderr, message);
    }
  });
});

describe('safelight png-info', () => {
  test('prints the settings, the source in XMP, and the watermark', async (t) => {
    const cwd = await temporaryFolder(t);
    await generate(cwd, ['a fox', '--size', '256', '--steps', '1', '--seed', '3', '-o', 'fox.png']);
    const { stdout } = await runCli(['png-info', 'fox.png'], { cwd });
    assert.match(
      stdout,
      /^a fox\nSteps: 1, Sampler: .*\n\nSource: trainedAlgorithmicMedia\nWatermark: StableDiffusionV1 \(/,
    );
    const info = JSON.parse((await runCli(['png-info', 'fox.png', '--json'], { cwd })).stdout);
    assert.deepEqual(Object.keys(info), ['parameters', 'input', 'source', 'watermark', 'matchingBits']);
    assert.equal(info.watermark, 'StableDiffusionV1');
    assert.equal(generateInputSchema.safeParse(info.input).success, true);
    assert.deepEqual([info.input.prompt, info.input.seed, info.input.format], ['a fox', 3, 'png']);
  });

  test('says that a picture tells nothing; what is no picture is refused', async (t) => {
    const cwd = await temporaryFolder(t);
    await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
      .jpeg()
      .toFile(join(cwd, 'red.jpg'));
    const { exit, stdout } = await runCli(['png-info', 'red.jpg'], { cwd });
    assert.deepEqual(
      [exit, stdout],
      [0, 'It carries no settings.\n\nSource: not said\nWatermark: No watermark: the picture is too small for one.\n'],
    );
    const json = JSON.parse((await runCli(['png-info', 'red.jpg', '--json'], { cwd })).stdout);
    assert.deepEqual(json, { parameters: null, input: null, source: null, watermark: null });
    await writeFile(join(cwd, 'text.png'), 'no picture');
    const refused = await runCli(['png-info', 'text.png', '--json'], { cwd });
    assert.equal(refused.exit, 2);
    assert.equal(JSON.parse(refused.stderr).error.field, 'file');
  });
});
