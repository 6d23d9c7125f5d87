/** The packages as they would be published: built, packed, unpacked beside their dependencies, and used. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { sharedCacheDir, temporaryFolder } from '../support/embedded-model.ts';
import { finish, waitForOutput } from '../support/run-cli.ts';
import { adaptSnippet, readSnippets } from '../support/snippets.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

test('the packed packages import, type-check and draw without their sources', async (t) => {
  // GIVEN a project with the two tarballs unpacked in it
  const project = await temporaryFolder(t);
  const modules = join(project, 'node_modules');
  await run('npm', ['run', 'build'], { cwd: root });
  for (const name of ['sdk', 'function']) await unpack(name, join(modules, '@safelight', name), project);
  await linkDependencies(modules);

  // THEN the SDK imports, and its types hold
  const program = `
    import { createSafelight, type GenerateResult, SafelightError } from '@safelight/sdk';
    import { samplerSchema } from '@safelight/sdk/contract';
    const safelight = createSafelight({ endpoint: 'http://127.0.0.1:1', maxRetries: 0 });
    const result: Promise<GenerateResult> = safelight.generate({ prompt: 'a fox', sampler: samplerSchema.parse('ddim') });
    result.catch((error: unknown) => console.log(SafelightError.isInstance(error) && error.code));
  `;
  await writeFile(join(project, 'use.mts'), program);
  const tsc = [
    join(root, 'node_modules/typescript/bin/tsc'),
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--strict',
    'use.mts',
  ];
  await run(process.execPath, tsc, { cwd: project });
  const { stdout } = await run(process.execPath, ['use.mjs'], { cwd: project });
  assert.equal(stdout, 'connection_failed\n');

  // AND the command draws, from JavaScript alone
  const main = join(modules, '@safelight/function/dist/cli/main.js');
  const env = { PATH: process.env.PATH ?? '', SAFELIGHT_CACHE_DIR: sharedCacheDir };
  const drawn = await run(process.execPath, [main, 'generate', 'a fox', '--seed', '1', '--steps', '2'], {
    cwd: project,
    env,
  });
  assert.equal(drawn.stdout, 'safelight-1.png  128×128, seed 1\n');

  // AND what the SDK's README says runs as it stands, against the server of the packed command
  const server = spawn(process.execPath, [main, 'serve', '--port', '0', '--quiet', '--data-dir', 'data'], {
    ...{ cwd: project, env },
  });
  t.after(async () => {
    server.kill('SIGTERM');
    await finish(server);
  });
  const endpoint = await waitForOutput(server, /listening on (\S+)/);
  assert.match(await (await fetch(endpoint)).text(), /<title>Safelight<\/title>/, 'the playground is packed too');
  for (const [i, snippet] of (await readSnippets(join(root, 'sdk/README.md'))).entries()) {
    await writeFile(join(project, `snippet-${i}.mts`), adaptSnippet(snippet, endpoint, sharedCacheDir));
    await run(process.execPath, [...tsc.slice(0, -1), '--types', 'node', `snippet-${i}.mts`], { cwd: project });
    await run(process.execPath, [`snippet-${i}.mjs`], { cwd: project });
  }
});

async function unpack(name: string, target: string, folder: string): Promise<void> {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: join(root, name) });
  const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
  const unwanted = files.filter(({ path }) => /(^|\/)(src|test)\/|\.tsbuildinfo$/.test(path));
  assert.deepEqual(unwanted, [], `${name} packs only what it needs`);
  await mkdir(target, { recursive: true });
  await run('tar', ['-xzf', join(folder, filename), '--strip-components=1', '-C', target]);
}

/** Everything the workspace has installed, but none of the workspace's own packages. */
async function linkDependencies(modules: string): Promise<void> {
  for (const from of ['node_modules', 'function/node_modules']) {
    for (const name of await readdir(join(root, from)).catch(() => [])) {
      if (name.startsWith('.') || name === '@safelight') continue;
      await symlink(join(root, from, name), join(modules, name)).catch(() => undefined);
    }
  }
}
