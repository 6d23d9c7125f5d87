// Draws every concept in the three styles as a picture with transparency (256 × 256, PNG), and writes concepts.json.
// usage: node render.mjs NODE_MODULES DATA [--all]   (--all: the whole emoji set but flags, symbols and skin tones)

import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { CONCEPTS } from './concepts.mjs';

const SIDE = 256;
const PACKAGES = {
  flat: '@iconify-json/fluent-emoji-flat',
  glossy: '@iconify-json/fluent-emoji',
  noto: '@iconify-json/noto',
};
const LICENCES = ['MIT', 'Apache-2.0'];

const [nodeModules, folder, flag] = process.argv.slice(2);
const require = createRequire(join(resolve(nodeModules), 'x.js'));
const sharp = require('sharp');
const metadata = require('unicode-emoji-json/data-by-emoji.json');
const keywords = require('emojilib');

const collections = {};
for (const [style, name] of Object.entries(PACKAGES)) {
  const { license } = require(`${name}/package.json`);
  if (!LICENCES.includes(license)) throw new Error(`${name}: unexpected licence ${license}`);
  collections[style] = require(`${name}/icons.json`);
}

// Some emoji are listed with a variation selector, some without.
const plain = (emoji) => emoji.replace(/\uFE0F/g, '');
const byEmoji = new Map(Object.entries(metadata).map(([emoji, about]) => [plain(emoji), about]));

function findIcon(collection, slugs) {
  for (const slug of slugs) {
    const icon = collection.icons[slug] ?? collection.icons[collection.aliases?.[slug]?.parent];
    if (icon) return icon;
  }
  return undefined;
}

function listConcepts() {
  if (flag !== '--all') return CONCEPTS;
  const known = new Set(CONCEPTS.map(({ emoji }) => plain(emoji)));
  const others = Object.entries(metadata)
    .filter(([emoji, { group }]) => !known.has(plain(emoji)) && !/flag|skin tone|symbols/i.test(group))
    .map(([emoji, { name }]) => {
      const synonym = (keywords[emoji] ?? []).slice(0, 1).map((word) => word.replace(/_/g, ' '));
      return { emoji, names: [...new Set([name.toLowerCase(), ...synonym])] };
    });
  return [...CONCEPTS, ...others];
}

mkdirSync(join(folder, 'png'), { recursive: true });
const rendered = [];
for (const { emoji, names } of listConcepts()) {
  const about = byEmoji.get(plain(emoji));
  if (!about) throw new Error(`${emoji} is not in unicode-emoji-json`);
  const slug = about.slug.replace(/_/g, '-');
  const slugs = [slug, `${slug}-face`, slug.replace(/^(\d+)-/, ''), ...names.map((name) => name.replace(/ /g, '-'))];
  const concept = { id: rendered.length, slug, emoji, group: about.group, names, styles: [] };
  for (const [style, collection] of Object.entries(collections)) {
    const icon = findIcon(collection, slugs);
    if (!icon) continue;
    const width = icon.width ?? collection.width ?? 32;
    const height = icon.height ?? collection.height ?? 32;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${SIDE}" height="${SIDE}" viewBox="0 0 ${width} ${height}">${icon.body}</svg>`;
    await sharp(Buffer.from(svg))
      .resize(SIDE, SIDE, { fit: 'contain', background: { r: 0, g: 0, b: 0, alpha: 0 } })
      .ensureAlpha()
      .png()
      .toFile(join(folder, 'png', `${concept.id}-${style}.png`));
    concept.styles.push(style);
  }
  if (concept.styles.length) rendered.push(concept);
}
writeFileSync(join(folder, 'concepts.json'), JSON.stringify(rendered, null, 1));
console.log(`${rendered.length} concepts`);
