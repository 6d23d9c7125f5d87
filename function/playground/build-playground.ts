import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, defaultClientConditions } from 'vite';

const folder = import.meta.dirname;
const root = join(folder, '../..');
/** All that the playground is made of; the lock file stands for the dependencies. */
const sources = ['function/playground', 'sdk/src', 'package-lock.json'];
/** Keeps what a built playground was built from. Without a known ending, so that it is not served. */
const STAMP = '.sources';

/**
 * Builds the playground, unless the folder has one of these very sources. The folder is replaced as a whole at the end.
 * @param onBuild Called where there is something to do.
 */
export async function ensurePlayground(outDir: string, onBuild?: () => void): Promise<void> {
  const stamp = await hashSources();
  const isCurrent = async () => (await readFile(join(outDir, STAMP), 'utf8').catch(() => '')) === stamp;
  if (await isCurrent()) return;
  onBuild?.();
  const newDir = `${outDir}.${process.pid}`;
  try {
    await buildInto(newDir);
    await writeFile(join(newDir, STAMP), stamp);
    // Another process may have been quicker.
    if (await isCurrent()) return;
    await rm(outDir, { recursive: true, force: true });
    await rename(newDir, outDir);
  } finally {
    await rm(newDir, { recursive: true, force: true });
  }
}

/** A name for the state of the sources. */
export async function hashSources(): Promise<string> {
  const hash = createHash('sha256');
  for (const source of sources) {
    const path = join(root, source);
    const names = source.endsWith('.json') ? [''] : (await readdir(path, { recursive: true })).sort();
    for (const name of names) {
      // Folders cannot be read, and need not be.
      const content = await readFile(join(path, name)).catch(() => undefined);
      if (content !== undefined) hash.update(`${name}\0${content.byteLength}\0`).update(content);
    }
  }
  return hash.digest('hex');
}

async function buildInto(outDir: string): Promise<void> {
  await build({
    configFile: false,
    logLevel: 'warn',
    root: folder,
    // Relative, so that the files work in any folder of any site.
    base: './',
    // All that a plugin for React would add serves hot reloading.
    esbuild: { jsx: 'automatic' },
    resolve: { conditions: ['@safelight/source', ...defaultClientConditions] },
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2022',
      reportCompressedSize: false,
      // The content security policy lets nothing in that is written into the page.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rollupOptions: {
        onwarn(warning, warn) {
          // A remark on comments in zod's sources, which concerns nobody here.
          if (warning.code !== 'INVALID_ANNOTATION') warn(warning);
        },
      },
    },
  });
}
