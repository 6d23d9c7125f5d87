/**
 * Runs the tests with node's runner and prints its totals. Arguments narrow the run to files whose path contains one
 * of them: `npm test -- schedulers`. Without any, all run but those that take long (`npm run test:long`) and those that
 * drive a browser (`npm run test:playground`).
 */
import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/** What takes longest: whole programs, started again and again; models, compiled again and again; waits. */
const longTests = [
  ...[
    'aws-faults',
    'aws-soak',
    'cdk-synth',
    'deploy-dry-run',
    'documentation',
    'kill',
    'lcm-lora',
    'loras',
    'original-scripts',
    'packages',
    'read-back',
    'same-image-from-every-format',
    'same-picture',
    'weights',
  ].map((name) => `integration/${name}.test.ts`),
  'function/add-ons/merged-bundle.test.ts',
  'function/pipeline/memory.test.ts',
  'function/pipeline/read-back.test.ts',
  'function/pipeline/safety.test.ts',
  'function/telemetry/trace-jobs.test.ts',
  'function/worker/bundle-worker.test.ts',
  'sdk/robustness.test.ts',
];
const isBrowserTest = (name: string) => name.startsWith('playground');
const isLongTest = (name: string) => longTests.includes(name);

const folder = import.meta.dirname;
const filters = process.argv.slice(2);
const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.test.ts')).sort();
const missing = longTests.filter((name) => !names.includes(name));
if (missing.length > 0) throw new Error(`There is no ${missing.join(', ')}`);
const isWanted = (name: string) => {
  if (filters.length === 0) return !isBrowserTest(name) && !isLongTest(name);
  return filters[0] === '--long' ? isLongTest(name) : filters.some((filter) => name.includes(filter));
};
const files = names.filter(isWanted).map((name) => join(folder, name));
if (files.length === 0) {
  console.error(`No test file matches ${filters.join(', ')}`);
  process.exit(1);
}

// What tests start as a process of its own is what is published.
execFileSync('npx', ['tsc', '-b'], { cwd: join(folder, '..'), stdio: 'inherit' });

run({ files, concurrency: availableParallelism() })
  .on('test:fail', () => {
    process.exitCode = 1;
  })
  .compose(new spec())
  .pipe(process.stdout);
