import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type GenerateInput, generateInputSchema } from '@safelight/sdk/contract';
import { hiresSize, secondRunOf } from '../../../function/src/pipeline/resolve-start.ts';
import { quickSettings } from '../../support/settings.ts';
import { resolve as resolveInput } from './tiny-model.ts';

const initImage = `uploads/me/${'a'.repeat(64)}.png`;
const mask = `uploads/me/${'b'.repeat(64)}.webp`;

const resolve = (input: Omit<GenerateInput, 'prompt'>) => resolveInput({ prompt: 'x', ...input });

describe('what a job starts from', () => {
  test('a picture gets a strength, a mask its edge', () => {
    const { strength, resizeMode, maskBlur } = resolve({ initImage });
    assert.deepEqual([strength, resizeMode, maskBlur], [0.75, 'stretch', undefined]);
    const masked = resolve({ initImage, mask });
    assert.deepEqual(
      [masked.maskBlur, masked.maskFill, masked.invertMask, masked.inpaintArea, masked.maskPadding],
      [4, 'original', false, 'whole', undefined],
    );
    assert.equal(resolve({ initImage, mask, inpaintArea: 'masked' }).maskPadding, 32);
    assert.equal(resolve({ initImage, outpaint: { left: 16 } }).maskFill, 'fill');
  });

  test('zeros are values', () => {
    const { strength, maskBlur } = resolve({ initImage, mask, strength: 0, maskBlur: 0 });
    assert.deepEqual([strength, maskBlur], [0, 0]);
  });

  test('settings without a picture say nothing of it', () => {
    assert.ok(!Object.keys(resolve({})).some((key) => /mask|strength|init|hires/i.test(key)));
  });

  test('what was resolved resolves to itself', () => {
    for (const input of [{ initImage, mask, maskFill: 'latent_noise' as const }, { hires: {} }, { initImage }]) {
      const settings = resolve(input);
      assert.deepEqual(resolve(settings), settings);
    }
  });

  const refused: [string, Omit<GenerateInput, 'prompt'>][] = [
    ['mask', { mask }],
    ['strength', { strength: 0.5 }],
    ['outpaint', { outpaint: { left: 8 } }],
    ['maskBlur', { initImage, maskBlur: 2 }],
    ['maskFill', { initImage, maskFill: 'fill' }],
    ['hires', { initImage, hires: {} }],
    ['hires.scale', { hires: { scale: 3 } }],
    ['hires.strength', { steps: 500, hires: { scale: 1, strength: 0.1 } }],
    ['outpaint', { initImage, outpaint: {} }],
    ['outpaint', { initImage, outpaint: { left: 64, right: 64 } }],
    ['inpaintArea', { initImage, outpaint: { top: 8 }, inpaintArea: 'masked' }],
  ];
  for (const [field, input] of refused) {
    test(`${JSON.stringify(input).replace(/[ab]{64}/g, '…')} is refused, naming ${field}`, () => {
      assert.throws(() => resolve(input), { code: 'invalid_input', field });
    });
  }

  const malformed: [string, object][] = [
    ['initImage', { initImage: '../secret.png' }],
    ['strength', { initImage, strength: 1.1 }],
    ['outpaint.left', { initImage, outpaint: { left: -8 } }],
    ['hires.scale', { hires: { scale: 0.5 } }],
    ['resizeMode', { initImage, resizeMode: 'squash' }],
  ];
  for (const [field, input] of malformed) {
    test(`the contract refuses ${JSON.stringify(input).replace(/a{64}/g, '…')}, naming ${field}`, () => {
      const { error } = generateInputSchema.safeParse({ prompt: 'x', ...input });
      assert.equal(error?.issues[0]?.path.join('.'), field);
    });
  }
});

describe('the enlarging run', () => {
  test('has sides that are multiples of 8', () => {
    const hires = { scale: 1.3, strength: 0.7, upscaler: 'latent' } as const;
    assert.deepEqual(hiresSize({ width: 128, height: 96, hires }), { width: 160, height: 120 });
  });

  // A1111's setup_img2img_steps with steps given: planned steps, and steps after the picture has been noised.
  for (const [steps, strength, planned, after] of [
    [20, 0.7, 28, 19],
    [10, 0.5, 20, 9],
    [15, 0.33, 45, 14],
    [1, 0.4, 2, 0],
    [30, 1, 30, 29],
  ] as const) {
    test(`${steps} steps at strength ${strength} are the last of ${planned}, as in AUTOMATIC1111`, () => {
      const second = secondRunOf(quickSettings({ steps: 50 }), { scale: 2, steps, strength, upscaler: 'latent' });
      assert.equal(second.settings.steps, planned);
      assert.equal(Math.trunc(second.strength * planned), after);
    });
  }
});
