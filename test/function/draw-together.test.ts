import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GenerateSettings } from '@safelight/sdk/contract';
import { canDrawTogether } from '../../function/src/draw-together.ts';
import { quickSettings } from '../support/settings.ts';

const large = { width: 512, height: 512, promptSyntax: 'a1111' } as const;
const together = (changes: Partial<GenerateSettings>, batch = 4) =>
  canDrawTogether([quickSettings(large), quickSettings({ ...large, ...changes })], batch);

describe('generations can be drawn together', () => {
  test('whatever their prompts, seeds, samplers, steps and guidance', () => {
    const other = {
      prompt: 'a fox',
      negativePrompt: 'n',
      seed: 9,
      sampler: 'euler',
      steps: 50,
      guidanceScale: 1,
      count: 3,
    };
    assert.ok(together(other as Partial<GenerateSettings>));
    assert.ok(together({ prompt: 'a fox <hypernet:x:1>' }));
  });

  test('with one model, one set of LoRAs and one size that stays', () => {
    assert.ok(!together({ model: 'other' }));
    assert.ok(!together({ width: 256 }));
    assert.ok(!together({ width: 448, height: 576 }));
    assert.ok(!together({ loras: [{ name: 'a', weight: 1 }] }));
    assert.ok(!together({ prompt: 'a fox <lora:a:1>' }));
    assert.ok(
      !together({ hires: { scale: 2, upscaler: 'latent', strength: 0.5 } as NonNullable<GenerateSettings['hires']> }),
    );
    assert.ok(!together({ grid: { x: [{ steps: 3 }], y: [{}] } }));
    const named = quickSettings({ ...large, prompt: 'a fox <lora:a:0.5>' });
    const chosen = quickSettings({ ...large, loras: [{ name: 'a', weight: 0.5 }] });
    assert.ok(canDrawTogether([named, chosen], 2));
    assert.ok(!canDrawTogether([named, { ...chosen, loras: [{ name: 'a', weight: 0.6 }] }], 2));
  });

  test('as many as there is room for, of larger ones fewer; one always', () => {
    assert.ok(!canDrawTogether([quickSettings(), quickSettings()], 1));
    const many = (count: number, width: number) =>
      new Array<GenerateSettings>(count).fill(quickSettings({ width, height: 512 }));
    assert.deepEqual(
      [4, 5].map((count) => canDrawTogether(many(count, 512), 4)),
      [true, false],
    );
    assert.deepEqual(
      [2, 3].map((count) => canDrawTogether(many(count, 1024), 4)),
      [true, false],
    );
    assert.deepEqual(
      [1, 2].map((count) => canDrawTogether(many(count, 2048), 1)),
      [true, false],
    );
  });
});
