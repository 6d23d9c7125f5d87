import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEngine } from '../../../function/src/create-engine.ts';
import { sharedCacheDir } from '../../support/embedded-model.ts';
import { quickSettings } from '../../support/settings.ts';

test('memory stays flat over 200 generations', async (t) => {
  const engine = await createEngine({ cacheDir: sharedCacheDir });
  t.after(() => engine.close());
  const settings = quickSettings({ steps: 2 });
  const residentMegabytes: number[] = [];
  for (let i = 0; i < 200; i += 1) {
    await engine.generate({ ...settings, seed: i });
    if (i % 50 === 49) residentMegabytes.push(Math.round(process.memoryUsage.rss() / 1e6));
  }
  t.diagnostic(`resident MB after 50, 100, 150, 200 generations: ${residentMegabytes.join(', ')}`);
  const [early = 0, , , late = 0] = residentMegabytes;
  assert.ok(late - early < 30, `grew from ${early} to ${late} MB`);
});
