/** Everything a newcomer would copy is run here: the examples, and the snippets of the READMEs. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createSafelight } from '@safelight/sdk';
import sharp from 'sharp';
import { readRunnableCommands } from '../documentation/commands.ts';
import { sharedCacheDir, temporaryFolder } from '../support/embedded-model.ts';
import { type CliResult, finish, runCli, spawnCli, waitForOutput } from '../support/run-cli.ts';
import { adaptSnippet, readCommands, readCurlSnippets, readSnippets } from '../support/snippets.ts';

const root = join(import.meta.dirname, '../..');
const webhookSecret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const node = ['--conditions=@safelight/source', '--import', import.meta.resolve('tsx')];

describe('with a server running', () => {
  let server: ChildProcess;
  let endpoint: string;
  const cleanUps: (() => Promise<void>)[] = [];

  before(async () => {
    const dataDir = await temporaryFolder({ after: (cleanUp) => cleanUps.push(cleanUp) });
    const args = ['serve', '--port', '0', '--quiet', '--data-dir', dataDir, '--allow-private-webhooks'];
    server = spawnCli(args, { env: { SAFELIGHT_WEBHOOK_SECRETS: webhookSecret } });
    endpoint = await waitForOutput(server, /listening on (\S+)/);
  });
  after(async () => {
    server.kill('SIGTERM');
    await finish(server);
    for (const cleanUp of cleanUps) await cleanUp();
  });

  function startProgram(file: string, cwd: string, args: string[] = []): ChildProcess {
    const env = {
      ...process.env,
      SAFELIGHT_ENDPOINT: endpoint,
      SAFELIGHT_CACHE_DIR: sharedCacheDir,
      SAFELIGHT_WEBHOOK_SECRET: webhookSecret,
      PORT: '0',
    };
    return spawn(process.execPath, [...node, file, ...args], { cwd, env });
  }

  async function runProgram(file: string, cwd: string, args: string[] = []): Promise<CliResult> {
    return finish(startProgram(file, cwd, args));
  }

  test('quick-start.ts writes a picture', async (t) => {
    const cwd = await temporaryFolder(t);
    const { exit, stdout, stderr } = await runProgram(join(root, 'examples/quick-start.ts'), cwd);
    assert.equal(exit, 0, stderr);
    assert.match(stdout, /seed \d+: http:\/\/127\.0\.0\.1:\d+\/objects\//);
    assert.ok((await readFile(join(cwd, 'apple.png'))).length > 5000);
  });

  test('progress-and-cancel.ts follows the job and ends it half-way', async (t) => {
    const { exit, stdout, stderr } = await runProgram(
      join(root, 'examples/progress-and-cancel.ts'),
      await temporaryFolder(t),
    );
    assert.equal(exit, 0, stderr);
    assert.match(stdout, /denoising 1\d\d of 200/);
    assert.match(stdout, /\ncanceled/);
    assert.doesNotMatch(stdout, /200 of 200/);
  });

  test('progress-bar.ts fills its bar', async (t) => {
    const cwd = await temporaryFolder(t);
    const { exit, stdout, stderr } = await runProgram(join(root, 'examples/progress-bar.ts'), cwd);
    assert.equal(exit, 0, stderr);
    assert.match(stdout, /\[#{3,}\.+\] denoising/);
    assert.match(stdout, /Done: \d+\.\d s of drawing/);
    assert.match((await readdir(cwd)).join(), /^rocket-\d+\.png$/);
  });

  test('batch.ts draws a batch, and pays once for the same batch run twice', async (t) => {
    const cwd = await temporaryFolder(t);
    const run = () => runProgram(join(root, 'examples/batch.ts'), cwd, ['test-zoo', '6']);
    const { exit, stdout, stderr } = await run();
    assert.equal(exit, 0, stderr);
    assert.match(stdout, /6 of 6 pictures/);
    assert.deepEqual(
      (await readdir(join(cwd, 'test-zoo'))).sort(),
      [0, 1, 2, 3, 4, 5].map((i) => `${i}.png`),
    );
    const countJobs = async () => (await createSafelight({ endpoint }).list({ limit: 100 })).jobs.length;
    const jobs = await countJobs();
    assert.equal((await run()).exit, 0);
    assert.equal(await countJobs(), jobs);
  });

  test('webhook-receiver.ts is told of its picture', async (t) => {
    const file = join(root, 'examples/webhook-receiver.ts');
    const { exit, stdout, stderr } = await runProgram(file, await temporaryFolder(t));
    assert.equal(exit, 0, stderr);
    assert.match(stdout, /job\.succeeded http/);
  });

  test('browser/server.ts serves its page, and a proxy that draws', async (t) => {
    const site = startProgram(join(root, 'examples/browser/server.ts'), await temporaryFolder(t));
    t.after(() => site.kill());
    const url = await waitForOutput(site, /Open (\S+)/);
    assert.match(await (await fetch(url)).text(), /<form>/);
    assert.match(await (await fetch(`${url}/page.js`)).text(), /api\/safelight/);
    const { images } = await createSafelight({ endpoint: `${url}/api/safelight` }).generate({
      prompt: 'a fox',
      steps: 2,
    });
    assert.equal(images.length, 1);
  });

  test('resume-after-crash.ts finds its job again', async (t) => {
    const cwd = await temporaryFolder(t);
    const file = join(root, 'examples/resume-after-crash.ts');
    assert.match((await runProgram(file, cwd)).stdout, /Submitted \w+\. Run again/);
    const second = await runProgram(file, cwd);
    assert.equal(second.exit, 0, second.stderr);
    assert.equal(second.stdout.trim().split('\n').length, 4);
    assert.deepEqual(await readdir(cwd), []);
  });

  test('contact-sheet.ts draws without a server', async (t) => {
    const cwd = await temporaryFolder(t);
    const { exit, stderr } = await runProgram(join(root, 'examples/contact-sheet.ts'), cwd, [
      'sheet.png',
      'a fox',
      'fire & gryphon',
    ]);
    assert.equal(exit, 0, stderr);
    assert.match(stderr, /"gryphon"/);
    assert.deepEqual(await readdir(cwd), ['sheet.png']);
  });

  test('openai-client.ts draws with the client of OpenAI', async (t) => {
    const cwd = await temporaryFolder(t);
    const { exit, stderr } = await runProgram(join(root, 'examples/openai-client.ts'), cwd);
    assert.equal(exit, 0, stderr);
    assert.deepEqual((await readdir(cwd)).sort(), ['blue-apple.png', 'red-apple.png']);
    for (const name of ['red-apple.png', 'blue-apple.png']) {
      const { width, height } = await sharp(join(cwd, name)).metadata();
      assert.deepEqual([width, height], [128, 128]);
    }
  });

  test('the curl snippets of docs/compatible-apis.md run as they stand', async (t) => {
    const cwd = await temporaryFolder(t);
    const snippets = await readCurlSnippets(join(root, 'docs/compatible-apis.md'));
    assert.ok(snippets.length >= 3);
    await sharp({ create: { width: 128, height: 128, channels: 3, background: 'red' } })
      .png()
      .toFile(join(cwd, 'apple.png'));
    for (const snippet of snippets) {
      const script = `set -e\n${snippet.replaceAll('http://127.0.0.1:7788', endpoint)}`;
      const { exit, stdout, stderr } = await finish(spawn('bash', ['-c', script], { cwd }));
      assert.equal(exit, 0, `${snippet}\n${stdout}\n${stderr}`);
      assert.match(stdout, /"(url|b64_json|images|progress)":/, `${snippet}\n${stdout.slice(0, 500)}`);
    }
  });

  test('the commands of docs/original-scripts.md that need no checkpoint run as they stand', async (t) => {
    const cwd = await temporaryFolder(t);
    await mkdir(join(cwd, 'docs/images'), { recursive: true });
    await copyFile(join(root, 'docs/images/a-red-apple.png'), join(cwd, 'docs/images/a-red-apple.png'));
    const commands = (await readCommands(join(root, 'docs/original-scripts.md'))).filter(
      (args) => args.includes('--ddim_steps') && !args.some((arg) => arg.startsWith('<')),
    );
    assert.deepEqual(
      commands.map(([command]) => command),
      ['txt2img', 'img2img'],
    );
    for (const args of commands) {
      const { exit, stderr } = await runCli(args, { cwd });
      assert.equal(exit, 0, `${args.join(' ')}\n${stderr}`);
      const outputs = join(cwd, `outputs/${args[0]}-samples`);
      assert.deepEqual((await readdir(outputs)).sort(), ['grid-0000.png', 'samples']);
    }
  });

  test('the commands of docs/pictures.md on settings in files run as they stand', async (t) => {
    const cwd = await temporaryFolder(t);
    assert.equal((await runCli(['generate', 'a fox', '--steps', '2', '-o', 'fox.png'], { cwd })).exit, 0);
    const about = (args: string[]) => args[0] === 'png-info' || args.includes('--from-image');
    const commands = (await readCommands(join(root, 'docs/pictures.md'))).filter(about);
    assert.equal(commands.length, 4);
    for (const args of commands) {
      const { exit, stderr } = await runCli(args, { cwd });
      assert.equal(exit, 0, `${args.join(' ')}\n${stderr}`);
    }
    assert.ok((await readFile(join(cwd, 'fox.png'))).equals(await readFile(join(cwd, 'again.png'))));
  });

  test('the commands of the guides run as they stand, with few steps', async (t) => {
    const cwd = await temporaryFolder(t);
    const red = await sharp({ create: { width: 128, height: 128, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    for (const name of ['apple.png', 'right-half.png', 'picture.png']) await writeFile(join(cwd, name), red);
    const commands = await readRunnableCommands();
    assert.ok(commands.length >= 8, `${commands.length} commands`);
    for (const { text, args } of commands) {
      const adapted = args.map((word) => word.replace('http://127.0.0.1:7788', endpoint));
      if (args[0] === 'generate') adapted.push('--steps', '2');
      const { exit, stderr } = await runCli(adapted, { cwd, env: { SAFELIGHT_ENDPOINT: endpoint } });
      assert.equal(exit, 0, `${text}\n${stderr}`);
    }
    const drawn = await readdir(cwd);
    assert.ok(drawn.includes('fox.png'));
    assert.equal(drawn.filter((name) => /^safelight-\d+\.webp$/.test(name)).length, 4);
  });

  // The SDK's is run in packages.test.ts, by the packed SDK.
  for (const readme of ['README.md', 'function/README.md', 'docs/compatible-apis.md', 'docs/pictures.md']) {
    test(`the snippets of ${readme} run as they stand`, async (t) => {
      const snippets = await readSnippets(join(root, readme));
      assert.ok(snippets.length > 0);
      const cwd = await temporaryFolder(t);
      await symlink(join(root, 'node_modules'), join(cwd, 'node_modules'));
      await mkdir(join(cwd, 'run'));
      const fox = ['generate', 'a fox', '--steps', '1', '--size', '64', '-o', 'run/fox.png'];
      assert.equal((await runCli(fox, { cwd })).exit, 0);
      for (const [i, snippet] of snippets.entries()) {
        const file = join(cwd, `snippet-${i}.mts`);
        await writeFile(file, adaptSnippet(snippet, endpoint, sharedCacheDir));
        const { exit, stderr } = await runProgram(file, join(cwd, 'run'));
        assert.equal(exit, 0, `snippet ${i}:\n${snippet}\n${stderr}`);
      }
    });
  }
});
