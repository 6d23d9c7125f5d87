/**
 * Builds the playground into `function/dist/playground`, unless it is there already: `npm run serve` shows it in a fresh
 * clone without another command.
 */
import { join } from 'node:path';
import { ensurePlayground } from './build-playground.ts';

await ensurePlayground(join(import.meta.dirname, '../dist/playground'), () =>
  process.stderr.write('Building the playground\n'),
);
