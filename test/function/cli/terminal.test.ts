import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Phase } from '@safelight/sdk/contract';
import sharp from 'sharp';
import { describePhase, progressOf } from '../../../function/src/cli/progress-bar.ts';
import { halfBlocks } from '../../../function/src/cli/terminal-picture.ts';

describe('the progress bar', () => {
  const phases: [Phase, number, string][] = [
    [{ name: 'queued', position: 0 }, 0, 'next in the queue'],
    [{ name: 'queued', position: 3 }, 0, 'waiting behind 3 in the queue'],
    [{ name: 'provisioning' }, 0, 'preparing the model (first time only)'],
    [{ name: 'loading', loadedBytes: 1.5e6, totalBytes: 47e6 }, 0, 'loading the model, 2 of 47 MB'],
    [{ name: 'encoding' }, 0, 'reading the prompt'],
    [{ name: 'denoising', image: 0, count: 1, step: 5, steps: 20 }, 0.25, 'step 5 of 20'],
    [{ name: 'denoising', image: 1, count: 2, step: 10, steps: 20 }, 0.75, 'picture 2 of 2, step 10 of 20'],
    [{ name: 'decoding', image: 0, count: 1 }, 1, 'developing'],
    [{ name: 'uploading' }, 1, 'storing'],
  ];
  for (const [phase, progress, text] of phases) {
    test(text, () => {
      assert.equal(progressOf(phase), progress);
      assert.equal(describePhase(phase), text);
    });
  }
});

test('a picture becomes half blocks, two pixels a character', async () => {
  const pixels = Buffer.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9]);
  const image = await sharp(pixels, { raw: { width: 2, height: 2, channels: 3 } })
    .png()
    .toBuffer();
  const upper = '\x1b[38;2;255;0;0m\x1b[48;2;0;0;255m▀';
  const lower = '\x1b[38;2;0;255;0m\x1b[48;2;9;9;9m▀';
  assert.equal(await halfBlocks(image, 2), `${upper}${lower}\x1b[0m\n`);
});
