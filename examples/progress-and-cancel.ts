/** Follows a job step by step, and cancels it half-way. Needs a server: `npm run serve` in another terminal. */
import { createSafelight } from '@safelight/sdk';

const endpoint = process.env.SAFELIGHT_ENDPOINT ?? 'http://127.0.0.1:7788';
const safelight = createSafelight({ endpoint, apiKey: process.env.SAFELIGHT_API_KEY });

const job = await safelight.submit({ prompt: 'a penguin on a yellow background', steps: 200 });
console.log(`job ${job.id}`);
for await (const update of job) {
  const phase = update.status === 'queued' || update.status === 'running' ? update.phase : undefined;
  console.log(update.status, phase?.name ?? '', phase?.name === 'denoising' ? `${phase.step} of ${phase.steps}` : '');
  if (phase?.name === 'denoising' && phase.step >= 100) await job.cancel();
}
