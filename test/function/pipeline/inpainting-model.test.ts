import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stableDiffusionV1 } from '../../../function/src/graphs/model-config.ts';
import type { DiffusionModel } from '../../../function/src/pipeline/diffusion-model.ts';
import { generate } from '../../../function/src/pipeline/generate.ts';
import { quickSettings } from '../../support/settings.ts';

test('an inpainting model is refused by name before anything is computed', async () => {
  const config = { ...stableDiffusionV1, unet: { ...stableDiffusionV1.unet, in_channels: 9 } };
  const model = { config, info: { name: 'v1-5-inpainting' } } as DiffusionModel;
  await assert.rejects(generate(model, quickSettings()), {
    code: 'invalid_input',
    field: 'model',
    message: /v1-5-inpainting is for inpainting/,
  });
});
