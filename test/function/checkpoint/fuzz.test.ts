import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzFiles } from './fuzz-files.ts';

test('5,000 mutated files are read or refused with a reason', async () => {
  const report = await fuzzFiles(5000, 20_260_801);
  assert.equal(report.opened + report.refused, 5000);
  // Both happen: the mutations reach past the first check, and are noticed.
  assert.ok(report.opened > 250, `${report.opened} opened`);
  assert.ok(report.refused > 500, `${report.refused} refused`);
  assert.ok(report.slowestMs < 2000, `one file took ${report.slowestMs} ms`);
});
