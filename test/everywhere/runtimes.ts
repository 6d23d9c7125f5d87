/**
 * The packed SDK in every runtime that can be installed from the npm registry, against a real server: it draws, downloads,
 * follows progress and cancels. Prints a line for each; ends with 1 if one fails. `npm run test:runtimes`.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { finish, spawnCli, waitForOutput } from '../support/run-cli.ts';
import { createEmptyProject } from './empty-project.ts';

/** Prints one line of JSON in the end. No runtime's own names are used. */
const body = `
async function check(endpoint) {
  const safelight = createSafelight({ endpoint });
  const phases = new Set();
  const onProgress = (job) => void phases.add(job.phase.name);
  const { images } = await safelight.generate({ prompt: 'a red apple', steps: 100, seed: 1 }, { onProgress });
  const picture = new Uint8Array(await safelight.images.arrayBuffer(images[0]));
  const { key } = await safelight.upload(picture);
  const controller = new AbortController();
  const stopped = safelight.generate({ prompt: 'a fox', steps: 1000 }, {
    signal: controller.signal,
    onProgress: (job) => { if (job.phase.name === 'denoising') controller.abort(new Error('enough')); },
  });
  const reason = await stopped.then(() => 'finished', (error) => error.message);
  const { jobs: [last] } = await safelight.list({ limit: 1 });
  const handle = await safelight.resume(last.id);
  for await (const job of handle);
  const missing = await safelight.get('0'.repeat(26)).catch((error) => error.name + ' ' + NotFoundError.isInstance(error));
  return JSON.stringify({
    denoised: phases.has('denoising'), png: picture[1] === 0x50, uploaded: key.endsWith(images[0].sha256 + '.png'),
    reason, status: handle.job.status, missing,
  });
}
`;
const EXPECTED = JSON.stringify({
  ...{ denoised: true, png: true, uploaded: true, reason: 'enough', status: 'canceled', missing: 'NotFoundError true' },
});
const names = '{ createSafelight, NotFoundError }';

await using project = await createEmptyProject();
const runtimes = await installRuntimes();
await project.write(
  'esm.mjs',
  `import ${names} from '@safelight/sdk';${body}console.log(await check(process.argv[2]));`,
);
await project.write(
  'cjs.cjs',
  `const ${names} = require('@safelight/sdk');${body}check(process.argv[2]).then(console.log);`,
);
await project.write('edge.mjs', `import ${names} from '@safelight/sdk';${body}globalThis.check = check;`);

const server = spawnCli(['serve', '--port', '0', '--quiet', '--data-dir', join(project.folder, 'data')]);
try {
  const endpoint = await waitForOutput(server, /listening on (\S+)/);
  const run = (command: string, ...args: string[]) => project.run(command, [...args, endpoint]);
  const nodes = { [process.versions.node]: process.execPath, ...(await installNodes()) };
  for (const [version, node] of Object.entries(nodes)) {
    await report(`Node ${version}, import`, () => run(node, 'esm.mjs'));
    await report(`Node ${version}, require`, () => run(node, '--no-warnings', 'cjs.cjs'));
  }
  if (runtimes.bun !== undefined) await report(`Bun ${runtimes.bun}`, () => run('node_modules/.bin/bun', 'esm.mjs'));
  if (runtimes.deno !== undefined) {
    const flags = ['run', '--quiet', '--allow-net', '--node-modules-dir=manual'];
    await report(`Deno ${runtimes.deno}`, () => run('node_modules/.bin/deno', ...flags, 'esm.mjs'));
  }
  await report('Edge (web globals only)', () => runOnEdge(endpoint));
} finally {
  server.kill('SIGTERM');
  await finish(server);
}

/** Later versions of Node, by version. */
async function installNodes(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const major of ['22', '24', '26']) {
    const alias = `node${major}`;
    try {
      await project.install(`${alias}@npm:node-${process.platform}-${process.arch}@${major}`);
      const path = join(project.folder, 'node_modules', alias, 'bin/node');
      found[(await project.run(path, ['--version'])).trim().slice(1)] = path;
    } catch (error) {
      console.log(`Node ${major}: skipped, it cannot be installed here: ${(error as Error).message.trim()}`);
    }
  }
  return found;
}

async function installRuntimes(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of ['bun', 'deno']) {
    try {
      await project.install(name);
      // Where npm is told to run no install scripts, Bun's has to be run by hand.
      if (name === 'bun') await project.run('sh', ['-c', 'cd node_modules/bun && node install.js']);
      const version = await project.run(`node_modules/.bin/${name}`, ['--version']);
      found[name] = /\d+\.\d+\.\d+/.exec(version)?.[0] ?? 'unknown';
    } catch (error) {
      console.log(`${name}: skipped, it cannot be installed here: ${(error as Error).message.trim()}`);
    }
  }
  return found;
}

async function report(name: string, attempt: () => Promise<string>): Promise<void> {
  try {
    const output = (await attempt()).trim();
    if (output !== EXPECTED) throw new Error(`printed ${output}`);
    console.log(`${name}: passes`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`${name}: fails\n${(error as Error).message}`);
  }
}

/** As on Cloudflare's and Vercel's edges: one bundle, no `node:` modules, no `process`, no `Buffer`. */
async function runOnEdge(endpoint: string): Promise<string> {
  const outfile = join(project.folder, 'edge.js');
  const entryPoints = [join(project.folder, 'edge.mjs')];
  await build({
    entryPoints,
    outfile,
    bundle: true,
    format: 'iife',
    platform: 'neutral',
    mainFields: ['module', 'main'],
  });
  const { fetch, URL, AbortController, Headers, Request, Response, Blob, ReadableStream, TextEncoder, TextDecoder } =
    globalThis;
  const { crypto, setTimeout, clearTimeout, atob } = globalThis;
  const globals = {
    fetch,
    URL,
    AbortController,
    Headers,
    Request,
    Response,
    Blob,
    ReadableStream,
    TextEncoder,
    TextDecoder,
  };
  // The context's own typed arrays are others than those that its fetch gives.
  const context = createContext({ ...globals, crypto, setTimeout, clearTimeout, atob, Uint8Array, ArrayBuffer, Error });
  runInContext(await readFile(outfile, 'utf8'), context);
  return (context as unknown as { check(endpoint: string): Promise<string> }).check(endpoint);
}
