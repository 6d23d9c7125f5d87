import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { createTemporaryFolder } from '../function/jobs/temporary-folder.ts';

const SCRIPT = join(import.meta.dirname, '../../infra/scripts/build-container.sh');

describe('npm run container:check', () => {
  it('says what to install before it does anything', async () => {
    await using folder = await createTemporaryFolder();
    for (const program of ['dirname', 'id']) await symlink(`/usr/bin/${program}`, join(folder.path, program));
    const started = promisify(execFile)('/bin/bash', [SCRIPT, join(folder.path, 'work')], {
      env: { PATH: folder.path },
    });
    await assert.rejects(started, (error: { code: number; stdout: string; stderr: string }) => {
      assert.equal(error.code, 1);
      assert.match(error.stderr, /apt-get install buildah debootstrap/);
      return error.stdout === '';
    });
  });
});
