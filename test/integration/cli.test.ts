import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rmdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import sharp from 'sharp';
import { temporaryFolder } from '../support/embedded-model.ts';
import { finish, runCli, spawnCli } from '../support/run-cli.ts';

describe('safelight generate', () => {
  test('writes a picture, unquoted prompts included, and says where', async (t) => {
    const cwd = await temporaryFolder(t);
    const { exit, stdout, stderr } = await runCli(['generate', 'a', 'fox', '--seed', '3', '--steps', '2'], { cwd });
    assert.equal(exit, 0, stderr);
    assert.equal(stdout, 'safelight-3.png  128×128, seed 3\n');
    assert.deepEqual(await readdir(cwd), ['safelight-3.png']);
    const { width, height, format } = await sharp(join(cwd, 'safelight-3.png')).metadata();
    assert.deepEqual([width, height, format], [128, 128, 'png']);
  });

  test('does not write over a picture of its own naming; an output that was named is replaced', async (t) => {
    const cwd = await temporaryFolder(t);
    await writeFile(join(cwd, 'safelight-3.png'), 'mine');
    await writeFile(join(cwd, 'out.png'), 'old');
    const quick = ['--steps', '1', '--size', '64', '--seed', '3'];
    assert.equal((await runCli(['generate', 'a fox', ...quick], { cwd })).exit, 0);
    assert.equal((await runCli(['generate', 'a fox', ...quick, '-o', 'out.png'], { cwd })).exit, 0);
    assert.deepEqual((await readdir(cwd)).sort(), ['out.png', 'safelight-3-2.png', 'safelight-3.png']);
    assert.equal(await readFile(join(cwd, 'safelight-3.png'), 'utf8'), 'mine');
    assert.ok((await readFile(join(cwd, 'out.png'))).length > 1000);
  });

  test('--json prints one line with files, settings and warnings', async (t) => {
    const cwd = await temporaryFolder(t);
    const args = ['generate', 'a gryphon', '--json', '--count', '2', '--steps', '1', '-o', 'g.webp', '--seed', '9'];
    const { exit, stdout, stderr } = await runCli(args, { cwd });
    assert.equal(exit, 0, stderr);
    assert.equal(stderr, '');
    const result = JSON.parse(stdout);
    assert.deepEqual(
      result.images.map(({ file, seed }: { file: string; seed: number }) => [file, seed]),
      [
        ['g-1.webp', 9],
        ['g-2.webp', 10],
      ],
    );
    assert.deepEqual(result.warnings[0].words, ['gryphon']);
    assert.equal(result.settings.format, 'webp');
    assert.deepEqual((await readdir(cwd)).sort(), ['g-1.webp', 'g-2.webp']);
  });

  test('--x and --y draw a grid: the sheet has the name itself, and overwrites nothing of its own naming', async (t) => {
    const cwd = await temporaryFolder(t);
    const grid = [
      'generate',
      'a fox',
      '--size',
      '64',
      '--seed',
      '3',
      '--x',
      'steps=1,2',
      '--y',
      'prompt=fox,red apple',
    ];
    const named = await runCli([...grid, '-o', 'out.png', '--json'], { cwd });
    assert.equal(named.exit, 0, named.stderr);
    const { images, settings } = JSON.parse(named.stdout);
    const files = ['out-1.png', 'out-2.png', 'out-3.png', 'out-4.png', 'out.png'];
    assert.deepEqual(
      images.map(({ file }: { file: string }) => file),
      files,
    );
    assert.deepEqual(settings.grid, {
      x: [{ steps: 1 }, { steps: 2 }],
      y: [{ prompt: 'a fox' }, { prompt: 'a red apple' }],
    });
    assert.equal((await runCli(grid, { cwd })).exit, 0);
    const unnamed = ['safelight-3-2.png', 'safelight-3-3.png', 'safelight-3-4.png', 'safelight-3.png'];
    assert.deepEqual((await readdir(cwd)).sort(), [...files, ...unnamed, 'safelight-grid-3.png'].sort());
    const alone = ['generate', 'a red apple', '--size', '64', '--seed', '3', '--steps', '2', '-o', 'alone.png'];
    await runCli(alone, { cwd });
    assert.deepEqual(await readFile(join(cwd, 'alone.png')), await readFile(join(cwd, 'out-4.png')));
  });

  test('an unknown word is reported to people too', async (t) => {
    const { stderr } = await runCli(['generate', 'a gryphon', '--steps', '1'], { cwd: await temporaryFolder(t) });
    assert.match(
      stderr,
      /Note: The model "mini" was not trained on "gryphon"\. "safelight models" lists what it draws\./,
    );
  });

  test('wrong input exits with 2, says so in one line, as JSON if asked, and leaves nothing behind', async (t) => {
    const cwd = await temporaryFolder(t);
    const wrong = await runCli(['generate', 'a fox', '--seed', '-1'], { cwd });
    assert.deepEqual(wrong, {
      exit: 2,
      stdout: '',
      stderr: 'safelight: seed must be a whole number from 0 to 4294967295\n',
    });
    const json = await runCli(['generate', 'a fox', '--model', 'giant', '--json'], { cwd });
    assert.equal(json.exit, 2);
    assert.equal(JSON.parse(json.stderr).error.code, 'model_not_found');
    assert.equal((await runCli(['generate', 'a fox', '-o', 'no/such/folder.png'], { cwd })).exit, 2);
    assert.equal((await runCli(['generate'], { cwd })).exit, 2);
    assert.equal((await runCli(['generate', 'a fox', '--sead', '1'], { cwd })).exit, 2);
    assert.deepEqual(await readdir(cwd), []);
  });

  test('Ctrl-C in the middle exits with 130 and leaves nothing behind', async (t) => {
    const cwd = await temporaryFolder(t);
    const child = spawnCli(['generate', 'a fox', '--steps', '1000', '--size', '256'], { cwd });
    setTimeout(() => child.kill('SIGINT'), 6000);
    const { exit, stderr } = await finish(child);
    assert.equal(exit, 130);
    assert.equal(stderr, 'safelight: Interrupted: nothing was written.\n');
    assert.deepEqual(await readdir(cwd), []);
  });

  test('a server that is not there is named, with exit code 1', async (t) => {
    const port = await unusedPort();
    const args = ['generate', 'a fox', '--endpoint', `http://127.0.0.1:${port}`];
    const { exit, stderr } = await runCli(args, { cwd: await temporaryFolder(t) });
    assert.equal(exit, 1);
    assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${port}.*safelight serve`));
    assert.equal(stderr.trim().split('\n').length, 1);
  });

  test('a full disk is named, under the output and under the cache, and nothing is left on it', async (t) => {
    const disk = await smallDisk(t, '8k');
    if (disk === undefined) return t.skip('mounting a small disk needs more rights than this test has');
    const output = await runCli(['generate', 'a fox', '--steps', '2', '-o', join(disk, 'fox.png')]);
    assert.equal(output.exit, 1);
    assert.match(output.stderr, /disk is full/);
    const cache = await runCli(['generate', 'a fox'], { env: { SAFELIGHT_CACHE_DIR: join(disk, 'cache') } });
    assert.equal(cache.exit, 1);
    assert.match(cache.stderr, /disk is full.*SAFELIGHT_CACHE_DIR/);
    assert.deepEqual(await readdir(disk), ['cache']);
    assert.deepEqual(await readdir(join(disk, 'cache')), []);
  });
});

describe('safelight', () => {
  test('models lists what the embedded model draws', async () => {
    const { exit, stdout } = await runCli(['models']);
    assert.equal(exit, 0);
    assert.match(stdout, /^mini 0\.2\.0\n/);
    assert.match(stdout, /Draws: dog face, fox, /);
    const [model] = JSON.parse((await runCli(['models', '--json'])).stdout);
    assert.equal(model.concepts.length, 167);
  });

  test('--help and --version succeed, an unknown command does not', async () => {
    assert.equal((await runCli(['--help'])).exit, 0);
    assert.match((await runCli(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
    assert.equal((await runCli(['paint'])).exit, 2);
  });

  test('prompts name embeddings of a folder: an option, a variable, or the data folder', async (t) => {
    const folder = await temporaryFolder(t);
    await mkdir(join(folder, 'embeddings'));
    const fixture = join(import.meta.dirname, '../fixtures/embeddings/a1111.pt');
    await copyFile(fixture, join(folder, 'embeddings/night-ink.pt'));
    const shown = '4 tokens of 75\n  a night-ink×1.2 (2 vectors) fox\n';
    const args = ['prompt', 'a', '(night-ink:1.2)', 'fox'];
    const elsewhere = { XDG_DATA_HOME: join(folder, 'none') };
    await mkdir(join(folder, 'data/safelight'), { recursive: true });
    await symlink(join(folder, 'embeddings'), join(folder, 'data/safelight/embeddings'));
    const places: [string[], Record<string, string>][] = [
      [['--embeddings', join(folder, 'embeddings')], elsewhere],
      [[], { ...elsewhere, SAFELIGHT_EMBEDDINGS: join(folder, 'embeddings') }],
      [[], { XDG_DATA_HOME: join(folder, 'data') }],
    ];
    for (const [options, env] of places) {
      const { stdout, stderr } = await runCli([...args, ...options], { env });
      assert.equal(stdout, shown, stderr);
    }
    assert.match(
      (await runCli(args, { env: elsewhere })).stdout,
      /^5 tokens of 75\n {2}a night×1\.2 -×1\.2 ink×1\.2 fox\n$/,
    );
    await writeFile(join(folder, 'embeddings/broken.pt'), 'nonsense');
    const listed = await runCli(['embeddings', '--embeddings', join(folder, 'embeddings')]);
    assert.match(
      listed.stdout,
      /^broken: cannot be used, broken\.pt cannot be read: .*\nnight-ink: 2 vectors of 64\n$/,
    );
    const [, nightInk] = JSON.parse((await runCli(['embeddings', '--json'], { env: places[1]?.[1] ?? {} })).stdout);
    assert.equal(nightInk.vectors, 2);
    assert.match((await runCli(['embeddings'], { env: elsewhere })).stdout, /^No embeddings in /);
    const file = join(folder, 'fox.png');
    const draw = ['generate', 'a fox', '-n', 'night-ink', '--steps', '1', '--size', '64', '-o', file];
    const { exit, stderr } = await runCli([...draw, '--embeddings', join(folder, 'embeddings')]);
    assert.equal(exit, 0, stderr);
    const { comments } = await sharp(file).metadata();
    assert.match(comments?.[0]?.text ?? '', /TI hashes: "?night-ink: [0-9a-f]{12}"?, Version/);
  });

  test('serve refuses a port in use and an open address without a key', async (t) => {
    const env = { SAFELIGHT_DATA_DIR: await temporaryFolder(t) };
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port));
    });
    t.after(() => taken.close());
    const busy = await runCli(['serve', '--port', String(port), '--quiet'], { env });
    assert.equal(busy.exit, 1);
    assert.match(busy.stderr, new RegExp(`Port ${port} is in use already: choose another with --port`));
    const open = await runCli(['serve', '--host', '0.0.0.0', '--port', '0'], { env });
    assert.equal(open.exit, 2);
    assert.match(open.stderr, /SAFELIGHT_API_KEY/);
    assert.equal((await runCli(['serve', '--port', 'http'], { env })).exit, 2);
  });
});

async function unusedPort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A file system of a few kilobytes, where mounting one is allowed. */
async function smallDisk(t: TestContext, size: string): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'safelight-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    await rmdir(folder);
    return undefined;
  }
  t.after(async () => {
    execFileSync('umount', ['-l', folder]);
    await rmdir(folder);
  });
  return folder;
}
