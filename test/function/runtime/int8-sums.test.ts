import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { addsInt8Exactly } from '../../../function/src/runtime/int8-sums.ts';

test('sums of int8 products are exact where the processor has VNNI, and not where it has AVX2 alone', async (t) => {
  const processor = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  if (!/\bavx2\b/.test(processor)) return t.skip('not an x86-64 Linux');
  assert.equal(await addsInt8Exactly(), /vnni\b/.test(processor));
});
