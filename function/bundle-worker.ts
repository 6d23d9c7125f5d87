/** Makes the container's program: `function/Dockerfile` runs it, and copies what it wrote into the image. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
const SOURCES = join(import.meta.dirname, 'src');

/** The program, and the threads that it starts by their files' names. */
const ENTRY_POINTS = ['worker/main.ts', 'runtime/session-worker.ts', 'bundle/byte-worker.ts'];
/** They are libraries of machine code: the image has them as packages. */
const NATIVE_PACKAGES = ['onnxruntime-node', 'sharp'];

/**
 * Writes the worker as a few files that hold all the code it can reach, that of its dependencies too, and nothing else;
 * with the licences of those dependencies. `main.js` is the program. Beside it belong the packages of machine code and
 * `@fontsource/dejavu-sans`, whose font is read as a file.
 * @throws Error where an import cannot be resolved, or a dependency does not say what its licence is.
 */
export async function bundleWorker(outDir: string): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ENTRY_POINTS.map((file) => join(SOURCES, file)),
    outdir: outDir,
    // In one folder: a thread's file lies beside the one that starts it.
    entryNames: '[name]',
    bundle: true,
    splitting: true,
    metafile: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@safelight/source'],
    external: NATIVE_PACKAGES,
    // Not minified: a stack trace in the log should name functions.
    keepNames: true,
    tsconfigRaw: {},
    logLevel: 'warning',
    // CommonJS dependencies ask for `require`.
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
  });
  await mkdir(outDir, { recursive: true });
  await writeFile(join(outDir, 'package.json'), '{ "type": "module", "private": true }\n');
  await writeFile(join(outDir, 'THIRD_PARTY_LICENCES.txt'), await collectLicences(metafile));
}

/** Each text once, below the packages that it covers. */
async function collectLicences({ inputs }: Metafile): Promise<string> {
  const folders = new Set(
    Object.keys(inputs).flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []),
  );
  const packagesByText = new Map<string, string[]>();
  for (const folder of [...folders].sort()) {
    const { title, text } = await readLicence(join(ROOT, folder));
    packagesByText.set(text, [...(packagesByText.get(text) ?? []), title]);
  }
  return [...packagesByText]
    .map(([text, titles]) => `${titles.join('\n')}\n\n${text}\n`)
    .join(`\n${'-'.repeat(80)}\n\n`);
}

async function readLicence(folder: string): Promise<{ title: string; text: string }> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const names = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort();
  if (license === undefined && names.length === 0) throw new Error(`${name} does not say what its licence is`);
  const texts = await Promise.all(names.map((file) => readFile(join(folder, file), 'utf8')));
  return { title: `${name} ${version} (${license ?? 'see below'})`, text: texts.join('\n').trim() };
}
