/** What "Copy as code" gives is run as it stands, and must make the picture that the page would. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { createSafelight, type GenerateInput } from '@safelight/sdk';
import { toCurl, toTypeScript } from '../../function/playground/src/lib/code.ts';
import { type SafelightServer, startServer } from '../../function/src/api/serve.ts';
import { createFakeEngine, fakeImageData } from '../function/jobs/fake-engine.ts';
import { createTemporaryFolder, type TemporaryFolder } from '../function/jobs/temporary-folder.ts';
import { temporaryFolder } from '../support/embedded-model.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const apiKey = 'a-key-of-sixteen-characters-or-more';

/** Everything that a shell or a program could take for something else. */
const input: GenerateInput = {
  prompt: 'it\'s "a" $HOME \\ `fox`\n(red:1.2) 夜 %s',
  negativePrompt: "a '' b",
  steps: 5,
  seed: 11,
  count: 2,
  format: 'jpeg',
};
const digest = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

describe('copied code', () => {
  for (const needsKey of [false, true]) {
    describe(needsKey ? 'for a server with a key' : 'for a server without a key', () => {
      let server: SafelightServer;
      let folder: TemporaryFolder;
      before(async () => {
        folder = await createTemporaryFolder();
        const apiKeys = needsKey ? [apiKey] : [];
        server = await startServer({ engine: createFakeEngine(), dataDir: folder.path, port: 0, apiKeys });
      });
      after(async () => {
        await server.close();
        await folder[Symbol.asyncDispose]();
      });

      const check = async (cwd: string) => {
        const names = (await readdir(cwd)).filter((name) => name.startsWith('picture'));
        assert.deepEqual(names, ['picture-1.jpg', 'picture-2.jpg']);
        for (const [i, name] of names.entries()) {
          assert.equal(digest(await readFile(join(cwd, name))), digest(fakeImageData(11 + i)));
        }
        const client = createSafelight({ endpoint: server.url, apiKey: needsKey ? apiKey : undefined });
        const [job] = (await client.list({ limit: 1 })).jobs;
        assert.equal(job?.settings.prompt, input.prompt);
        assert.equal(job?.settings.negativePrompt, input.negativePrompt);
      };
      const env = { ...process.env, SAFELIGHT_API_KEY: apiKey };

      test('in TypeScript', async (t) => {
        const cwd = await temporaryFolder(t);
        const code = toTypeScript(input, { endpoint: `${server.url}/`, needsKey });
        assert.ok(!code.includes(apiKey));
        await symlink(join(root, 'node_modules'), join(cwd, 'node_modules'));
        await writeFile(join(cwd, 'snippet.mts'), code);
        const node = ['--conditions=@safelight/source', '--import', import.meta.resolve('tsx'), 'snippet.mts'];
        const { stdout } = await run(process.execPath, node, { cwd, env });
        assert.equal(stdout, 'seed 11\n');
        await check(cwd);
      });

      for (const shell of ['bash', 'sh']) {
        test(`for ${shell}, with curl`, async (t) => {
          const cwd = await temporaryFolder(t);
          const code = toCurl(input, { endpoint: `${server.url}/`, needsKey });
          assert.ok(!code.includes(apiKey));
          await writeFile(join(cwd, 'snippet.sh'), code);
          await run(shell, ['-eu', 'snippet.sh'], { cwd, env });
          await check(cwd);
        });
      }
    });
  }
});
