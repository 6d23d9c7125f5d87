/** Opens the embedded model from the cache given as argument and prints a digest of what it found. */
import { createHash } from 'node:crypto';
import { openCachedBundle } from '../../../function/src/bundle/cached-bundle.ts';
import { readModelFolder } from '../../../function/src/bundle/model-folder.ts';
import { embeddedModelFolder } from '../../support/embedded-model.ts';

const [, , cacheDir = ''] = process.argv;
const { manifest } = await openCachedBundle(await readModelFolder(embeddedModelFolder), { cacheDir });
console.log(createHash('sha256').update(JSON.stringify(manifest)).digest('hex'));
