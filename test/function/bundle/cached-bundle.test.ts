import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, open, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { openCachedBundle } from '../../../function/src/bundle/cached-bundle.ts';
import { BUNDLE_FORMAT_VERSION } from '../../../function/src/bundle/manifest.ts';
import { readModelFolder } from '../../../function/src/bundle/model-folder.ts';
import { FunctionError } from '../../../function/src/errors.ts';
import { embeddedModelFolder, temporaryFolder } from '../../support/embedded-model.ts';

const openModelScript = join(import.meta.dirname, 'open-model-process.ts');
const nodeArguments = ['--conditions=@safelight/source', '--import', 'tsx', openModelScript];

/**
 * The graphs are part of the bundle's format. If this fails because the graphs changed on purpose, raise
 * BUNDLE_FORMAT_VERSION, so that bundles in caches are compiled again, and write the new digest here.
 */
const GRAPH_DIGEST = { version: 10, sha256: 'b831068092eadf59daed6eaad7119fb071af8ace0eeeec7b827260253859b5c0' };

describe('the cache of compiled models', () => {
  test('compiles once, then opens what is there', async (t) => {
    const cacheDir = join(await temporaryFolder(t), 'not', 'there', 'yet');
    let compiled = 0;
    const options = { cacheDir, onCompile: () => (compiled += 1) };
    const model = await readModelFolder(embeddedModelFolder);
    const first = await openCachedBundle(model, options);
    const second = await openCachedBundle(model, options);
    assert.equal(compiled, 1);
    assert.deepEqual(second.manifest, first.manifest);
    assert.equal(first.manifest.model.name, 'mini');
  });

  test('the same checkpoint gives the same bytes, and the graphs are those of this format version', async (t) => {
    const model = await readModelFolder(embeddedModelFolder);
    const a = await openCachedBundle(model, { cacheDir: await temporaryFolder(t) });
    const b = await openCachedBundle(model, { cacheDir: await temporaryFolder(t) });
    assert.deepEqual(a.manifest.files, b.manifest.files);

    const graphs = Object.entries(a.manifest.files).filter(([name]) => name.endsWith('.onnx'));
    const sha256 = createHash('sha256').update(JSON.stringify(graphs)).digest('hex');
    assert.deepEqual({ version: BUNDLE_FORMAT_VERSION, sha256 }, GRAPH_DIGEST);
  });

  test('heals a bundle whose file was cut short, changed or lost', async (t) => {
    const cacheDir = await temporaryFolder(t);
    const model = await readModelFolder(embeddedModelFolder);
    await openCachedBundle(model, { cacheDir });
    const folder = join(cacheDir, (await readdir(cacheDir))[0] as string);
    const damages: [string, () => Promise<void>][] = [
      ['cut short', () => truncate(join(folder, 'unet.weights'), 1000)],
      ['changed', () => flipByte(join(folder, 'vae_decoder.weights'), 4096)],
      ['no manifest', () => writeFile(join(folder, 'manifest.json'), '{}')],
    ];
    for (const [name, damage] of damages) {
      await damage();
      let compiled = 0;
      await openCachedBundle(model, { cacheDir, onCompile: () => (compiled += 1) });
      assert.equal(compiled, 1, name);
      assert.equal((await readdir(cacheDir)).length, 1, name);
    }
  });

  test('a damaged checkpoint is named with both checksums, and nothing is left behind', async (t) => {
    const folder = await temporaryFolder(t);
    const broken = join(folder, 'mini');
    await cp(embeddedModelFolder, broken, { recursive: true });
    await flipByte(join(broken, 'mini.safetensors'), 5_000_000);
    const cacheDir = join(folder, 'cache');
    const model = await readModelFolder(broken);
    await assert.rejects(openCachedBundle(model, { cacheDir }), (error: unknown) => {
      assert.ok(error instanceof FunctionError);
      assert.equal(error.code, 'model_corrupt');
      assert.match(
        error.message,
        /mini\.safetensors is damaged: its sha256 is [0-9a-f]{64}, it should be [0-9a-f]{64}/,
      );
      return true;
    });
    assert.deepEqual(await readdir(cacheDir), []);
  });

  test('a cache that cannot be written says where to put it', async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'file'), '');
    const model = await readModelFolder(embeddedModelFolder);
    await assert.rejects(openCachedBundle(model, { cacheDir: join(folder, 'file') }), {
      name: 'FunctionError',
      message: /SAFELIGHT_CACHE_DIR/,
    });
  });

  test('two processes that start at once on an empty cache both get a whole bundle', async (t) => {
    const cacheDir = await temporaryFolder(t);
    const run = promisify(execFile);
    const outputs = await Promise.all([0, 1].map(() => run(process.execPath, [...nodeArguments, cacheDir])));
    const [a, b] = outputs.map(({ stdout }) => stdout.trim());
    assert.match(a ?? '', /^[0-9a-f]{64}$/);
    assert.equal(a, b);
    assert.equal((await readdir(cacheDir)).length, 1);
  });

  test('a process killed while it compiles leaves nothing that looks whole', async (t) => {
    const cacheDir = join(await temporaryFolder(t), 'cache');
    await mkdir(cacheDir);
    const child = spawn(process.execPath, [...nodeArguments, cacheDir]);
    while ((await readdir(cacheDir)).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    assert.ok((await readdir(cacheDir)).every((name) => name.endsWith('.tmp')));
    const bundle = await openCachedBundle(await readModelFolder(embeddedModelFolder), { cacheDir });
    assert.equal(bundle.manifest.model.name, 'mini');
  });
});

async function flipByte(path: string, position: number): Promise<void> {
  const byte = (await readFile(path))[position] as number;
  const file = await open(path, 'r+');
  await file.write(Uint8Array.of(byte ^ 0xff), 0, 1, position);
  await file.close();
}
