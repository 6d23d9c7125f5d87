import { createSafelight } from '@safelight/sdk';
import type { SmokeTestParams } from './deploy-steps.ts';

/** Longer than a GPU takes to come when spot gives none: patience, on-demand, boot, image, model. */
const DEADLINE_MS = 25 * 60_000;
const PROMPT = 'a photograph of an astronaut riding a horse';

/**
 * Draws one picture on the endpoint, from a GPU that has still to come.
 * @throws SafelightError that says what went wrong.
 */
export async function smokeTest({ endpoint, apiKey, model, print }: SmokeTestParams): Promise<string> {
  const safelight = createSafelight({ endpoint, apiKey });
  let phase = '';
  const { images } = await safelight.generate(
    { prompt: PROMPT, model, seed: 42 },
    {
      deadlineMs: DEADLINE_MS,
      onProgress(job) {
        const now = job.status === 'running' ? (job.phase?.name ?? job.status) : job.status;
        if (now !== phase) print(`    ${now}`);
        phase = now;
      },
    },
  );
  const [image] = images;
  if (image === undefined) throw new Error('The endpoint drew no picture.');
  const { byteLength } = await safelight.images.arrayBuffer(image);
  return `${image.width}×${image.height}, ${Math.round(byteLength / 1024)} KB`;
}
