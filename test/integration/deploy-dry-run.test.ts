import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

const script = (name: string, ...args: string[]) =>
  run('npm', ['run', '--silent', name, '--', ...args], {
    cwd: ROOT,
    // Whoever asks AWS fails.
    env: {
      ...process.env,
      HTTPS_PROXY: 'http://127.0.0.1:9',
      AWS_PROFILE: 'nobody',
      AWS_EC2_METADATA_DISABLED: 'true',
    },
  });

describe('npm run deploy', () => {
  it('--dry-run says what would be done and what it costs, without an account', async () => {
    const { stdout } = await script('deploy', '--dry-run', '--checkpoint', './sd-v1-4.ckpt');
    for (const text of ['Stack safelight in us-east-1', '1. Checking what is needed', '9. Drawing a first picture'])
      assert.ok(stdout.includes(text), text);
    assert.match(stdout, /2 AWS::ECS::CapacityProvider/);
    const together = /together +\$(\d+\.\d\d)/.exec(stdout)?.[1];
    assert.ok(Number(together) > 0 && Number(together) < 5, `idle: ${together}`);
    assert.match(stdout, /g4dn\.xlarge, on-demand +\$0\.59/);
  });

  it('says what it takes where no checkpoint is given', async () => {
    const { stdout } = await script('deploy', '--dry-run');
    assert.match(
      stdout,
      /\nModels: sd-v1-4, if converted before; otherwise pass --checkpoint <file>, or --model mini /,
    );
    assert.match((await script('deploy', '--dry-run', '--model', 'mini')).stdout, /\nModels: mini\n/);
    await assert.rejects(script('deploy', '--model', 'mini', '--checkpoint', 'a.ckpt'), /pass one of them/);
  });

  it('says what the playground adds', async () => {
    const { stdout } = await script('deploy', '--dry-run', '--model', 'mini', '--playground', '--no-smoke-test');
    assert.match(stdout, /1 AWS::CloudFront::OriginAccessControl/);
    assert.match(stdout, /playground in S3 +\$0\.00/);
    assert.doesNotMatch(stdout, /Drawing a first picture/);
  });

  it('refuses an option it does not know', async () => {
    await assert.rejects(script('deploy', '--dryrun'), /Unknown option '--dryrun'/);
  });
});

describe('npm run destroy', () => {
  it('deletes nothing without credentials', async () => {
    await assert.rejects(script('destroy', '--yes'), (error: { stdout: string; code: number }) => {
      assert.doesNotMatch(error.stdout, /\[1\//);
      return error.code === 1;
    });
  });
});
