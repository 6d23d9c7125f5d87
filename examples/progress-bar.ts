/** A bar that fills while a picture is made. Needs a server: `npm run serve` in another terminal. */
import { createSafelight, type PendingJob } from '@safelight/sdk';
import { saveImage } from '@safelight/sdk/node';

const endpoint = process.env.SAFELIGHT_ENDPOINT ?? 'http://127.0.0.1:7788';
const safelight = createSafelight({ endpoint, apiKey: process.env.SAFELIGHT_API_KEY });

function showProgress({ phase }: PendingJob): void {
  const done =
    phase.name === 'denoising'
      ? phase.step / phase.steps
      : Number(phase.name === 'decoding' || phase.name === 'uploading');
  const what = phase.name === 'queued' ? `behind ${phase.position} others` : phase.name;
  process.stdout.write(`\r[${'#'.repeat(Math.round(done * 30)).padEnd(30, '.')}] ${what.padEnd(20)}`);
}

const { images, timings } = await safelight.generate({ prompt: 'a rocket', steps: 50 }, { onProgress: showProgress });
for (const image of images) await saveImage(safelight, image, `rocket-${image.seed}.png`);
console.log(`\rDone: ${(timings.denoiseMs / 1000).toFixed(1)} s of drawing`.padEnd(60));
