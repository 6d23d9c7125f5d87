import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GenerateInput } from '@safelight/sdk/contract';
import { FunctionError } from '../../../function/src/errors.ts';
import { formatParameters } from '../../../function/src/pipeline/image/parameters.ts';
import { imageSeeds } from '../../../function/src/pipeline/resolve-settings.ts';
import { samplers } from '../../../function/src/pipeline/schedulers/index.ts';
import { resolve } from './tiny-model.ts';

describe('settings of a job', () => {
  test('open choices are the model’s, the sampler’s, and a random seed', () => {
    assert.deepEqual(resolve({ prompt: 'x' }), {
      prompt: 'x',
      negativePrompt: '',
      promptSyntax: 'a1111',
      model: 'tiny',
      width: 128,
      height: 96,
      steps: 20,
      guidanceScale: 5,
      sampler: 'dpmpp_2m',
      schedule: 'karras',
      eta: 0,
      seed: 42,
      rng: 'cuda',
      count: 1,
      format: 'png',
    });
  });

  test('choices made stay, zeros too', () => {
    const settings = resolve({ prompt: 'x', seed: 0, guidanceScale: 0, sampler: 'euler_a', width: 256, eta: 0 });
    assert.equal(settings.seed, 0);
    assert.equal(settings.guidanceScale, 0);
    assert.equal(settings.eta, 0);
    assert.equal(settings.width, 256);
    assert.equal(resolve({ prompt: 'x', sampler: 'euler_a' }).eta, 1);
  });

  test('guidance in a part of the run is kept; all of the run goes without saying', () => {
    assert.equal(resolve({ prompt: 'x', guidanceStart: 0.2 }).guidanceStart, 0.2);
    assert.equal(resolve({ prompt: 'x', guidanceEnd: 0 }).guidanceEnd, 0);
    assert.deepEqual(resolve({ prompt: 'x', guidanceStart: 0, guidanceEnd: 1 }), resolve({ prompt: 'x' }));
    assert.throws(() => resolve({ prompt: 'x', guidanceStart: 0.6, guidanceEnd: 0.5 }), {
      code: 'invalid_input',
      field: 'guidanceStart',
    });
  });

  test('an interval of deep features is kept, but for 1', () => {
    assert.equal(resolve({ prompt: 'x', deepCache: 2 }).deepCache, 2);
    assert.deepEqual(resolve({ prompt: 'x', deepCache: 1 }), resolve({ prompt: 'x' }));
  });

  const names: [string, string | undefined, string, string][] = [
    ['DPM++ 2M Karras', undefined, 'dpmpp_2m', 'karras'],
    ['DPM++ 2M Karras', 'Exponential', 'dpmpp_2m', 'exponential'],
    ['dpm++ 3m sde', undefined, 'dpmpp_3m_sde', 'exponential'],
    ['DPM++ 2M SDE Heun Exponential', undefined, 'dpmpp_2m_sde_heun', 'exponential'],
    ['k_dpm_2_a_ka', undefined, 'dpm2_a', 'karras'],
    ['Euler a', 'Automatic', 'euler_a', 'normal'],
    ['Euler', 'Align Your Steps', 'euler', 'align_your_steps'],
    ['euler_ancestral', 'SGM Uniform', 'euler_a', 'sgm_uniform'],
    ['LMS', 'Uniform', 'lms', 'normal'],
    ['Heun', 'DDIM', 'heun', 'ddim_uniform'],
    ['uni_pc', undefined, 'unipc', 'normal'],
    ['PNDMScheduler', undefined, 'plms', 'ddim_uniform'],
    ['DPMSolverMultistepScheduler', undefined, 'dpmpp_2m', 'karras'],
    ['EulerAncestralDiscreteScheduler', undefined, 'euler_a', 'normal'],
    ['Restart', undefined, 'restart', 'karras'],
  ];
  for (const [sampler, schedule, canonical, canonicalSchedule] of names) {
    test(`"${sampler}"${schedule ? ` on "${schedule}"` : ''} is ${canonical} on ${canonicalSchedule}`, () => {
      const settings = resolve({ prompt: 'x', sampler, ...(schedule ? { schedule } : {}) });
      assert.deepEqual([settings.sampler, settings.schedule], [canonical, canonicalSchedule]);
    });
  }

  test('every sampler and schedule is known by the name in its pictures', () => {
    for (const { name, label, schedules } of Object.values(samplers)) {
      assert.equal(resolve({ prompt: 'x', sampler: label }).sampler, name);
      for (const schedule of schedules) {
        const settings = { ...resolve({ prompt: 'x' }), sampler: name, schedule };
        const line = formatParameters(settings, { checkpointSha256: 'abc' }).match(/Schedule type: ([^,]+),/);
        assert.equal(resolve({ prompt: 'x', sampler: name, schedule: line?.[1] ?? '' }).schedule, schedule);
      }
    }
  });

  test('noise settings are kept where they differ from the customary', () => {
    const settings = resolve({ prompt: 'x', sampler: 'heun', sChurn: 4, sTmin: 0, sTmax: 10, sNoise: 1 });
    assert.deepEqual([settings.sChurn, settings.sTmin, settings.sTmax, settings.sNoise], [4, undefined, 10, undefined]);
  });

  test('a variation gets a subseed; without strength there is none', () => {
    const { subseed, subseedStrength } = resolve({ prompt: 'x', subseedStrength: 0.2 });
    assert.deepEqual([subseed, subseedStrength], [42, 0.2]);
    assert.equal('subseed' in resolve({ prompt: 'x', subseed: 7 }), false);
  });

  const refused: [string, GenerateInput][] = [
    ['width', { prompt: 'x', width: 264 }],
    ['height', { prompt: 'x', height: 512 }],
    ['schedule', { prompt: 'x', sampler: 'ddim', schedule: 'karras' }],
    ['schedule', { prompt: 'x', sampler: 'UniPC', schedule: 'karras' }],
    ['schedule', { prompt: 'x', schedule: 'cosine' }],
    ['sampler', { prompt: 'x', sampler: 'DPM++ 9M' }],
    ['sampler', { prompt: 'x', sampler: 'DPM++ 2M Simple' }],
    ['sChurn', { prompt: 'x', sampler: 'euler_a', sChurn: 1 }],
    ['sNoise', { prompt: 'x', sampler: 'dpmpp_2m', sNoise: 1.1 }],
    ['eta', { prompt: 'x', sampler: 'euler', eta: 0.5 }],
  ];
  for (const [field, input] of refused) {
    test(`refuses ${JSON.stringify(input)}, naming ${field}`, () => {
      assert.throws(
        () => resolve(input),
        (error: unknown) => error instanceof FunctionError && error.code === 'invalid_input' && error.field === field,
      );
    });
  }

  test('seeds go on from 0 after the largest', () => {
    assert.deepEqual(
      [0, 1, 2].map((index) => imageSeeds({ seed: 2 ** 32 - 2 }, index).seed),
      [2 ** 32 - 2, 2 ** 32 - 1, 0],
    );
  });

  test('variations share the seed and count their subseeds', () => {
    const settings = { seed: 5, subseed: 2 ** 32 - 1, subseedStrength: 0.1 };
    assert.deepEqual(
      [0, 1].map((index) => imageSeeds(settings, index)),
      [
        { seed: 5, subseed: 2 ** 32 - 1 },
        { seed: 5, subseed: 0 },
      ],
    );
  });
});
