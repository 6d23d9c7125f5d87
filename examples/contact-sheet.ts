/**
 * Draws a list of prompts, one picture each, onto one sheet with the prompts below the pictures:
 *
 *   node --import tsx examples/contact-sheet.ts sheet.png "a fox" "a red apple"
 *
 * Runs the engine in this process, without a server.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createEngine } from '@safelight/function';
import { generateInputSchema } from '@safelight/sdk/contract';
import sharp, { type OverlayOptions } from 'sharp';

const columns = 6;
const cell = { width: 160, height: 168, margin: 16 };
const [, , file = 'sheet.png', ...given] = process.argv;
const prompts = given.length > 0 ? given : ['a fox', 'a red apple', 'a penguin on a yellow background'];

const engine = await createEngine({ cacheDir: process.env.SAFELIGHT_CACHE_DIR ?? join(homedir(), '.cache/safelight') });
const layers: OverlayOptions[] = [];
for (const [i, prompt] of prompts.entries()) {
  const left = (i % columns) * cell.width + cell.margin;
  const top = Math.floor(i / columns) * cell.height + cell.margin;
  const settings = engine.resolve(generateInputSchema.parse({ prompt, seed: 1 }));
  const { images, warnings } = await engine.generate(settings);
  for (const { message } of warnings) console.warn(message);
  layers.push({ input: Buffer.from(images[0]?.data ?? []), left, top });
  // The label is Pango markup.
  const text = prompt.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  layers.push({
    input: { text: { text, font: 'sans-serif 9', dpi: 96, width: 128, rgba: true } },
    left,
    top: top + 130,
  });
}
await engine.close();

const rows = Math.ceil(prompts.length / columns);
const background = '#ffffff';
const size = { width: columns * cell.width + cell.margin, height: rows * cell.height + cell.margin };
await sharp({ create: { ...size, channels: 3, background } })
  .composite(layers)
  .png({ palette: true })
  .toFile(file);
console.log(`${file}: ${prompts.length} pictures`);
