import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseThreads, readConfig } from '../../../function/src/cli/config.ts';

describe('what the command line reads from the environment', () => {
  test('SAFELIGHT_THREADS is a whole number of threads, or as many as there are', () => {
    assert.equal(readConfig({}).threads, undefined);
    assert.equal(readConfig({ SAFELIGHT_THREADS: ' ' }).threads, undefined);
    assert.equal(readConfig({ SAFELIGHT_THREADS: '4' }).threads, 4);
    assert.equal(parseThreads(undefined, 'threads'), undefined);
    for (const wrong of ['0', '-1', '1.5', 'all', '1e2', '1025', ''])
      assert.throws(() => parseThreads(wrong, 'threads'), {
        code: 'invalid_input',
        field: 'threads',
        message: 'threads must be a whole number from 1 to 1024',
      });
    assert.throws(() => readConfig({ SAFELIGHT_THREADS: 'two' }), { field: 'SAFELIGHT_THREADS' });
  });

  test('SAFELIGHT_BATCH is a whole number of jobs, or what suits the device', () => {
    assert.equal(readConfig({}).batch, undefined);
    assert.equal(readConfig({ SAFELIGHT_BATCH: '1' }).batch, 1);
    for (const wrong of ['0', '65', 'many'])
      assert.throws(() => readConfig({ SAFELIGHT_BATCH: wrong }), { field: 'SAFELIGHT_BATCH' });
  });
});
