/**
 * Builds the playground into `function/dist/playground`. With `--if-needed`, only where a source is newer than what was
 * built last, so that `npm run serve` shows it in a fresh clone without another command.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { build, defaultClientConditions } from 'vite';

const folder = import.meta.dirname;
const outDir = join(folder, '../dist/playground');
const sources = [folder, join(folder, '../../sdk/src')];

if (!process.argv.includes('--if-needed') || (await isOutdated())) {
  process.stderr.write('Building the playground\n');
  await buildPlayground();
}

async function isOutdated(): Promise<boolean> {
  const builtAt = await modifiedAt(join(outDir, 'index.html'));
  for (const source of sources) {
    for (const name of await readdir(source, { recursive: true })) {
      if ((await modifiedAt(join(source, name))) > builtAt) return true;
    }
  }
  return false;
}

/** In milliseconds; 0 for what does not exist. */
async function modifiedAt(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  return found?.mtimeMs ?? 0;
}

async function buildPlayground(): Promise<void> {
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
