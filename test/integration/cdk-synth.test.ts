import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { ENTRY_POINTS } from '../../function/src/aws/environment.ts';
import { createTemporaryFolder, type TemporaryFolder } from '../function/jobs/temporary-folder.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

describe('cdk synth, as a stranger runs it: no account, no Docker, no network', () => {
  let folder: TemporaryFolder;
  let bundles: string[];

  before(async () => {
    folder = await createTemporaryFolder();
    const { HOME: _home, AWS_PROFILE: _profile, AWS_REGION: _region, ...env } = process.env;
    await run('npx', ['--no-install', 'cdk', 'synth', '--quiet', '--output', folder.path], {
      cwd: join(ROOT, 'infra'),
      env: {
        ...env,
        // Whoever asks AWS, Docker or a registry fails.
        ...{
          HOME: folder.path,
          HTTPS_PROXY: 'http://127.0.0.1:9',
          HTTP_PROXY: 'http://127.0.0.1:9',
          CDK_DOCKER: '/nowhere',
        },
        ...{ AWS_EC2_METADATA_DISABLED: 'true', npm_config_offline: 'true' },
      },
      maxBuffer: 1 << 24,
    });
    const assets = (await readdir(folder.path)).filter((name) => name.startsWith('asset.'));
    const files = assets.map((name) => join(folder.path, name, 'index.mjs'));
    const present = await Promise.all(
      files.map((file) =>
        stat(file).then(
          () => file,
          () => undefined,
        ),
      ),
    );
    bundles = present.filter((file) => file !== undefined);
  });
  after(() => folder[Symbol.asyncDispose]());

  it('passes cdk-nag’s AwsSolutions', async () => {
    assert.deepEqual(JSON.parse(await readFile(join(folder.path, 'validation-report.json'), 'utf8')).pluginReports, []);
  });

  it('bundles each function small, without what only a worker needs', async () => {
    assert.equal(bundles.length, Object.keys(ENTRY_POINTS).length - 1, 'all but the worker');
    const withVocabulary: string[] = [];
    for (const file of bundles) {
      const code = await readFile(file, 'utf8');
      // The API says how prompts are read, so it carries CLIP's vocabulary.
      assert.ok(code.length < 5_000_000, `${file}: ${code.length} bytes`);
      if (code.length > 1_000_000) withVocabulary.push(file);
      for (const native of ['onnxruntime-node', 'libsql', 'sharp'])
        assert.doesNotMatch(code, new RegExp(`(from|require\\(|import\\()\\s*["']${native}["']`), `${file}: ${native}`);
    }
    assert.equal(withVocabulary.length, 1);
  });

  it('bundles functions that load', async () => {
    for (const file of bundles) {
      const script = `globalThis.awslambda = { streamifyResponse: (handler) => handler, HttpResponseStream: {} };
        const { handler } = await import(${JSON.stringify(pathToFileURL(file).href)});
        process.stdout.write(typeof handler);`;
      const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script]);
      assert.equal(stdout, 'function', file);
    }
  });

  it('sends to Docker no more than the image is built from', async () => {
    const folders = await readdir(folder.path, { withFileTypes: true });
    const contexts = await Promise.all(
      folders
        .filter((entry) => entry.isDirectory())
        .map(async ({ name }) => ({ name, files: await readdir(join(folder.path, name)) })),
    );
    const context = contexts.find(({ files }) => files.includes('package-lock.json')) ?? assert.fail('no context');
    assert.deepEqual(
      context.files
        .filter((name) => !/^(package(-lock)?\.json|tsconfig\.base\.json|\.npmrc|\.dockerignore)$/.test(name))
        .sort(),
      ['LICENSE', 'examples', 'function', 'infra', 'sdk'],
    );
    assert.deepEqual(await readdir(join(folder.path, context.name, 'infra')), ['package.json']);
  });
});
