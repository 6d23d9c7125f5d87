/**
 * Finds a job again in another process: the first run submits and stops, the next one waits for the pictures. The same
 * idempotency key never makes a second job. Needs a server: `npm run serve` in another terminal.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createSafelight } from '@safelight/sdk';

const endpoint = process.env.SAFELIGHT_ENDPOINT ?? 'http://127.0.0.1:7788';
const safelight = createSafelight({ endpoint, apiKey: process.env.SAFELIGHT_API_KEY });

const noted = await readFile('job-id.txt', 'utf8').catch(() => undefined);
if (noted === undefined) {
  const job = await safelight.submit({ prompt: 'a rocket', count: 4 });
  await writeFile('job-id.txt', job.id);
  console.log(`Submitted ${job.id}. Run again to fetch it.`);
} else {
  const job = await safelight.resume(noted);
  const { images } = await job.wait();
  for (const image of images) console.log(image.seed, image.url);
  await rm('job-id.txt');
}
