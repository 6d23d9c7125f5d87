/** OpenAI's own client draws and edits with Safelight. Needs a server: `npm run serve` in another terminal. */
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import OpenAI from 'openai';

const endpoint = process.env.SAFELIGHT_ENDPOINT ?? 'http://127.0.0.1:7788';
const openai = new OpenAI({ baseURL: `${endpoint}/v1`, apiKey: process.env.SAFELIGHT_API_KEY ?? 'none' });

async function save(name: string, { data }: OpenAI.ImagesResponse): Promise<void> {
  await writeFile(name, Buffer.from(data?.[0]?.b64_json ?? '', 'base64'));
}

// Fields that OpenAI does not have go along: `steps`, `seed`, `negative_prompt` and the rest.
const more = { seed: 1 };
await save(
  'red-apple.png',
  await openai.images.generate({ model: 'gpt-image-1', prompt: 'a red apple', size: '1024x1024', ...more }),
);
const image = createReadStream('red-apple.png');
await save(
  'blue-apple.png',
  await openai.images.edit({ model: 'gpt-image-1', image, prompt: 'a blue apple', ...more }),
);
