/** A prompt becomes a picture. Needs a server: `npm run serve` in another terminal. */
import { writeFile } from 'node:fs/promises';
import { createSafelight } from '@safelight/sdk';

const endpoint = process.env.SAFELIGHT_ENDPOINT ?? 'http://127.0.0.1:7788';
const safelight = createSafelight({ endpoint, apiKey: process.env.SAFELIGHT_API_KEY });

const { images, seed } = await safelight.generate({ prompt: 'a red apple' });
for (const image of images) {
  console.log(`seed ${seed}: ${image.url} (until ${image.expiresAt})`);
  await writeFile('apple.png', new Uint8Array(await safelight.images.arrayBuffer(image)));
}
