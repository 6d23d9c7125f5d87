/**
 * Runs the tests with node's runner and prints its totals. Arguments narrow the run to files whose path contains one
 * of them: `npm test -- schedulers`. Without any, all run but those that drive a browser: `npm run test:playground`.
 */
import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const isBrowserTest = (name: string) => name.startsWith('playground');

const folder = import.meta.dirname;
const filters = process.argv.slice(2);
const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.test.ts')).sort();
const files = names
  .filter((name) => (filters.length === 0 ? !isBrowserTest(name) : filters.some((filter) => name.includes(filter))))
  .map((name) => join(folder, name));
if (files.length === 0) {
  console.error(`No test file matches ${filters.join(', ')}`);
  process.exit(1);
}

run({ files, concurrency: availableParallelism() })
  .on('test:fail', () => {
    process.exitCode = 1;
  })
  .compose(new spec())
  .pipe(process.stdout);
