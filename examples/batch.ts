/**
 * Fifty pictures, four at a time. Run it again after a crash, under the same name, and nothing is made or paid for twice:
 *
 *   node --import tsx examples/batch.ts zoo-1
 *
 * Needs a server: `npm run serve` in another terminal.
 */
import { createSafelight, generateAll } from '@safelight/sdk';
import { saveImage } from '@safelight/sdk/node';

const endpoint = process.env.SAFELIGHT_ENDPOINT ?? 'http://127.0.0.1:7788';
const safelight = createSafelight({ endpoint, apiKey: process.env.SAFELIGHT_API_KEY });

const [, , name = 'my-batch-1', size = '50'] = process.argv;
const animals = ['a fox', 'a penguin', 'an owl', 'a tortoise', 'a snail'];
const inputs = Array.from({ length: Number(size) }, (_, i) => ({
  prompt: animals[i % animals.length] ?? 'a fox',
  seed: i,
  steps: 8,
}));

let failed = 0;
for await (const outcome of generateAll(safelight, inputs, { concurrency: 4, idempotencyKey: name })) {
  if (outcome.status === 'rejected') {
    failed++;
    console.error(`${outcome.index} failed: ${outcome.reason}`);
    continue;
  }
  for (const image of outcome.result.images) await saveImage(safelight, image, `${name}/${outcome.index}.png`);
}
console.log(`${inputs.length - failed} of ${inputs.length} pictures in ${name}/`);
