import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { DeployTools } from './deploy-steps.ts';
import { createProcessRunner } from './process-runner.ts';
import { readSite } from './read-site.ts';
import type { Print } from './run-steps.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** Prints on standard output. */
export const print: Print = (line) => {
  process.stdout.write(`${line}\n`);
};

/** The real tools. AWS is connected to when a step first asks it. */
export async function createTools(config: Config): Promise<DeployTools> {
  // The SDK warns users of Node 20 of a version to come; the one that is installed supports it.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const [{ connectAws }, { smokeTest }] = await Promise.all([import('./connect-aws.ts'), import('./smoke-test.ts')]);
  return {
    config,
    aws: connectAws(config.region),
    runner: createProcessRunner(ROOT),
    docker: process.env.CDK_DOCKER ?? 'docker',
    cdkVersion: installedCdkVersion(),
    print,
    readPlayground: () => readSite(join(ROOT, 'function/dist/playground')),
    smokeTest,
  };
}

/** The `cdk` program that the lock file has: the registry's latest refuses what this app writes. */
function installedCdkVersion(): string {
  const manifest = createRequire(import.meta.url).resolve('aws-cdk/package.json');
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
