import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { createApp } from '../../infra/src/create-app.ts';
import { createTemporaryFolder } from '../function/jobs/temporary-folder.ts';
import { CONFIG } from './synthesize.ts';

describe('cdk-nag', () => {
  it('watches the app: a bucket without encryption in transit does not pass', async () => {
    await using folder = await createTemporaryFolder();
    const context = { 'aws:cdk:bundling-stacks': [] };
    const { app, stack } = createApp(CONFIG, { outdir: folder.path, context });
    new Bucket(stack, 'Open');
    assert.throws(() => app.synth(), /Validation failed/);
    const report = readFileSync(join(folder.path, 'validation-report.json'), 'utf8');
    assert.match(report, /AwsSolutions-S10/);
    assert.match(report, /safelight\/Open/);
    const paths = [...report.matchAll(/"constructPath": *"([^"]+)"/g)].map(([, path]) => path);
    assert.ok(paths.length > 0);
    assert.deepEqual(
      paths.filter((path) => !path?.startsWith('safelight/Open')),
      [],
    );
  });
});
