import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSafelight } from '@safelight/sdk';
import { temporaryFolder } from '../support/embedded-model.ts';
import { finish, runCli, spawnCli, waitForOutput } from '../support/run-cli.ts';

test('one seed is one file, to the byte: command line, server, SDK, alone or as one of several', async (t) => {
  const folder = await temporaryFolder(t);
  const serve = ['serve', '--port', '0', '--quiet', '--data-dir', join(folder, 'data')];
  const server = spawnCli(serve);
  t.after(() => server.kill('SIGKILL'));
  const endpoint = await waitForOutput(server, /listening on (\S+)/);

  const draw = async (name: string, ...args: string[]) => {
    const flags = ['generate', 'a penguin on a yellow background', '--seed', '20', '-o', join(folder, name), ...args];
    const { exit, stderr } = await runCli(flags);
    assert.equal(exit, 0, stderr);
  };
  await draw('alone.png');
  await draw('two.png', '--count', '2');
  await draw('remote.png', '--endpoint', endpoint);
  const fromPicture = ['--init-image', join(folder, 'alone.png'), '--mask', join(folder, 'two-2.png'), '--steps', '4'];
  await draw('from-picture.png', ...fromPicture);
  await draw('from-picture-remote.png', ...fromPicture, '--endpoint', endpoint);

  const safelight = createSafelight({ endpoint });
  const input = { prompt: 'a penguin on a yellow background', seed: 19, count: 2 };
  const phases = new Set<string>();
  const { images, settings } = await safelight.generate(input, {
    onProgress: (job) => void (job.status === 'running' && phases.add(job.phase.name)),
  });
  const fromSdk = images[1] && Buffer.from(await safelight.images.arrayBuffer(images[1]));

  const alone = await readFile(join(folder, 'alone.png'));
  assert.ok(alone.equals(await readFile(join(folder, 'two-1.png'))), 'first of two');
  assert.ok(alone.equals(await readFile(join(folder, 'remote.png'))), 'from the server');
  const drawnOver = await readFile(join(folder, 'from-picture.png'));
  assert.ok(!drawnOver.equals(alone));
  assert.ok(drawnOver.equals(await readFile(join(folder, 'from-picture-remote.png'))), 'sent to the server');
  assert.ok(fromSdk?.equals(alone), 'second of the SDK’s two');
  assert.ok(phases.has('denoising'));

  // The settings that come back are all it takes to draw the same again.
  const again = await safelight.generate(settings);
  assert.deepEqual(
    again.images.map(({ sha256 }) => sha256),
    images.map(({ sha256 }) => sha256),
  );

  server.kill('SIGTERM');
  assert.equal((await finish(server)).exit, 0);
});
