import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCachedBundle } from '../../function/src/bundle/cached-bundle.ts';
import { readModelFolder } from '../../function/src/bundle/model-folder.ts';
import type { Bundle } from '../../function/src/bundle/open-bundle.ts';

/** The folder of the model that comes with the package. */
export const embeddedModelFolder = join(import.meta.dirname, '../../function/models/mini');

/** One cache for all test files, so that the model is compiled once; two that start at once are safe. */
export const sharedCacheDir = join(tmpdir(), `safelight-test-cache-${process.getuid?.() ?? 0}`);

export async function openEmbeddedBundle(): Promise<Bundle> {
  return openCachedBundle(await readModelFolder(embeddedModelFolder), { cacheDir: sharedCacheDir });
}

/** An empty folder that is removed when the test ends. */
export async function temporaryFolder(test: { after(cleanUp: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'safelight-test-'));
  test.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
