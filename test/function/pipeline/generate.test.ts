import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { GenerateSettings, Phase } from '@safelight/sdk/contract';
import sharp from 'sharp';
import { createEngine } from '../../../function/src/create-engine.ts';
import type { Engine } from '../../../function/src/engine.ts';
import { samplers } from '../../../function/src/pipeline/schedulers/index.ts';
import { sharedCacheDir } from '../../support/embedded-model.ts';
import { quickSettings } from '../../support/settings.ts';

describe('generating with the embedded model', () => {
  let engine: Engine;
  before(async () => {
    engine = await createEngine({ cacheDir: sharedCacheDir });
  });
  after(() => engine.close());

  async function digest(changes: Partial<GenerateSettings>): Promise<string[]> {
    const { images } = await engine.generate(quickSettings(changes));
    return images.map(({ data }) => createHash('sha256').update(data).digest('hex'));
  }

  test('the same seed gives the same file, another seed another', async () => {
    const [first] = await digest({ seed: 11 });
    assert.deepEqual(await digest({ seed: 11 }), [first]);
    assert.notDeepEqual(await digest({ seed: 12 }), [first]);
  });

  test('picture i of many is the picture of seed + i alone, also past the largest seed', async () => {
    const many = await digest({ seed: 2 ** 32 - 2, count: 3 });
    const alone = [await digest({ seed: 2 ** 32 - 2 }), await digest({ seed: 2 ** 32 - 1 }), await digest({ seed: 0 })];
    assert.deepEqual(many, alone.flat());
  });

  test('the number of threads does not change a byte', async (t) => {
    const single = await createEngine({ cacheDir: sharedCacheDir, threads: 1 });
    t.after(() => single.close());
    const { images } = await single.generate(quickSettings());
    assert.deepEqual(await digest({}), [
      createHash('sha256')
        .update(images[0]?.data ?? '')
        .digest('hex'),
    ]);
  });

  test('a variation is another picture; image i of variations is the one of subseed + i alone', async () => {
    const variation = { seed: 3, subseed: 8, subseedStrength: 0.5 };
    const [plain] = await digest({ seed: 3 });
    const [first, second] = await digest({ ...variation, count: 2 });
    assert.equal(new Set([plain, first, second]).size, 3);
    assert.deepEqual(await digest({ ...variation, subseed: 9 }), [second]);
    assert.deepEqual(await pixels({ ...variation, subseedStrength: 1 }), await pixels({ seed: 8 }));
  });

  test('every sampler on its own schedule, and both generators, draw different and finite pictures', async () => {
    const seen = new Set<string>();
    let runs = 0;
    for (const { name, defaultSchedule, defaultEta } of Object.values(samplers)) {
      for (const schedule of [defaultSchedule]) {
        for (const rng of ['cpu', 'cuda'] as const) {
          const settings = quickSettings({
            sampler: name,
            schedule,
            eta: defaultEta,
            rng,
            steps: 6,
            // Of 64×64 the model, which learned from 128×128, may draw nothing.
            ...{ prompt: 'a blue heart', width: 96, height: 96 },
          });
          const { images } = await engine.generate(settings);
          const { channels } = await sharp(images[0]?.data).stats();
          assert.ok((channels[0]?.stdev ?? 0) > 10, `${name} ${schedule} drew a plain surface`);
          seen.add(
            createHash('sha256')
              .update(images[0]?.data ?? '')
              .digest('hex'),
          );
          runs += 1;
        }
      }
    }
    assert.equal(seen.size, runs);
  });

  test('a red apple is red on white, a blue heart on yellow is blue on yellow', async () => {
    const centre = async (prompt: string) => {
      const { images } = await engine.generate(quickSettings({ prompt, width: 128, height: 128, steps: 20 }));
      const { data } = await sharp(images[0]?.data).raw().toBuffer({ resolveWithObject: true });
      const pixel = (x: number, y: number) => [...data.subarray((y * 128 + x) * 3, (y * 128 + x) * 3 + 3)];
      return { middle: pixel(64, 72) as [number, number, number], corner: pixel(4, 4) as [number, number, number] };
    };
    const apple = await centre('a red apple');
    assert.ok(apple.middle[0] > apple.middle[2] + 60, `middle ${apple.middle}`);
    assert.ok(Math.min(...apple.corner) > 220, `corner ${apple.corner}`);
    const heart = await centre('a blue heart on a yellow background');
    assert.ok(heart.middle[2] > heart.middle[0] + 60, `middle ${heart.middle}`);
    assert.ok(heart.corner[0] > heart.corner[2] + 60, `corner ${heart.corner}`);
  });

  test('sizes that no power of two divides, and oblong ones', async () => {
    for (const [width, height] of [
      [72, 104],
      [200, 136],
      [256, 64],
    ] as const) {
      const { images } = await engine.generate(quickSettings({ width, height, steps: 2 }));
      const metadata = await sharp(images[0]?.data).metadata();
      assert.deepEqual([metadata.width, metadata.height], [width, height]);
    }
  });

  test('guidance off needs no negative prompt; guidance 0 ignores the prompt', async () => {
    const off = { guidanceScale: 1 };
    assert.deepEqual(await pixels({ ...off, negativePrompt: 'a fox' }), await pixels(off));
    const zero = { guidanceScale: 0 };
    assert.deepEqual(await pixels({ ...zero, prompt: 'a fox' }), await pixels(zero));
    assert.notDeepEqual(await pixels({ prompt: 'a fox' }), await pixels({}));
    assert.notDeepEqual(await pixels({ negativePrompt: 'a fox' }), await pixels({}));
  });

  /** The metadata holds the settings, so only pixels can be compared where settings differ. */
  async function pixels(changes: Partial<GenerateSettings>): Promise<Buffer> {
    const { images } = await engine.generate(quickSettings(changes));
    return sharp(images[0]?.data).raw().toBuffer();
  }

  test('phases come in order, every step is reported, and time is accounted for', async () => {
    const phases: Phase[] = [];
    const { timings } = await engine.generate(quickSettings({ steps: 5, count: 2 }), {
      onPhase: (phase) => phases.push(phase),
    });
    const picture = (image: number) => [
      ...[0, 1, 2, 3, 4, 5].map((step) => ({ name: 'denoising', image, count: 2, step, steps: 5 })),
      { name: 'decoding', image, count: 2 },
    ];
    assert.deepEqual(phases, [{ name: 'encoding' }, ...picture(0), ...picture(1)]);
    assert.ok(timings.denoiseMs > 0 && timings.decodeMs > 0 && timings.encodeMs > 0);
  });

  test('an abort stops at the next step with its reason, and the next picture is not disturbed', async () => {
    const [expected] = await digest({ seed: 5 });
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    let steps = 0;
    const aborted = engine.generate(quickSettings({ steps: 50 }), {
      signal: controller.signal,
      onPhase: (phase) => {
        if (phase.name !== 'denoising') return;
        steps = phase.step;
        if (phase.step === 3) controller.abort(reason);
      },
    });
    await assert.rejects(aborted, reason);
    assert.equal(steps, 3);
    assert.deepEqual(await digest({ seed: 5 }), [expected]);
  });

  test('generations asked for at once take turns', async () => {
    const seeds = [1, 2, 3];
    const together = await Promise.all(seeds.map((seed) => digest({ seed })));
    for (const [i, seed] of seeds.entries()) assert.deepEqual(together[i], await digest({ seed }));
  });

  test('words the model does not know and prompts that are too long are reported', async () => {
    const { warnings } = await engine.generate(
      quickSettings({ prompt: 'A gryphon and an Apple 🦄, gryphon', negativePrompt: 'blurry' }),
    );
    assert.deepEqual(
      warnings.map((warning) => (warning.code === 'unknown_words' ? [warning.field, warning.words] : warning.code)),
      [
        ['prompt', ['gryphon', '🦄']],
        ['negativePrompt', ['blurry']],
      ],
    );
    const long = await engine.generate(quickSettings({ prompt: `${'a red apple '.repeat(30)}on a pink background` }));
    assert.equal(long.warnings.length, 1);
    const [warning] = long.warnings;
    assert.ok(warning?.code === 'prompt_truncated' && warning.ignoredText.endsWith('on a pink background'));
  });

  test('AUTOMATIC1111’s syntax changes the picture as it says, and not where there is none', async () => {
    const a1111 = (prompt: string, changes: Partial<GenerateSettings> = {}) =>
      pixels({ prompt, promptSyntax: 'a1111', ...changes });
    const apple = await pixels({ prompt: 'a red apple' });
    const fox = await pixels({ prompt: 'a fox' });
    assert.deepEqual(await a1111('a red apple'), apple);
    assert.deepEqual(await a1111('a red \\(apple\\)'), await pixels({ prompt: 'a red (apple)' }));
    assert.notDeepEqual(await a1111('a (red:1.5) apple'), apple);
    assert.notDeepEqual(await a1111('a red apple', { clipSkip: 2 }), apple);

    // Four steps are predictions 0 to 3; a text that holds until 3 holds to the end.
    assert.deepEqual(await a1111('[a red apple:a fox:3]'), apple);
    assert.deepEqual(await a1111('[a red apple:a fox:0]'), fox);
    const switched = await a1111('[a red apple:a fox:0.5]');
    assert.notDeepEqual(switched, apple);
    assert.notDeepEqual(switched, fox);
    assert.deepEqual(await a1111('[a red apple:a fox:2]'), switched);
    assert.notDeepEqual(await a1111('[a red apple|a fox]'), switched);

    assert.deepEqual(await a1111('a red apple AND a fox :0'), apple);
    const both = await a1111('a red apple AND a fox');
    assert.deepEqual(await a1111('a fox AND a red apple'), both);
    assert.notDeepEqual(both, apple);
    assert.notDeepEqual(await a1111('a red apple BREAK a fox'), await a1111('a red apple a fox'));
  });

  test('a prompt of any length is seen to its end', async () => {
    const long = 'a red apple '.repeat(40);
    const see = (end: string) => engine.generate(quickSettings({ prompt: `${long}${end}`, promptSyntax: 'a1111' }));
    const { images, warnings } = await see('on a pink background');
    assert.deepEqual(warnings, []);
    const other = await see('on a blue background');
    const [first, second] = [images[0], other.images[0]];
    assert.notDeepEqual(await sharp(first?.data).raw().toBuffer(), await sharp(second?.data).raw().toBuffer());
  });

  test('a clip skip beyond the text encoder’s layers is refused, naming it', async () => {
    const generating = engine.generate(quickSettings({ clipSkip: 12 }));
    await assert.rejects(generating, { code: 'invalid_input', field: 'clipSkip' });
  });

  test('prompts in any script are drawn', async () => {
    for (const prompt of ['تفاحة حمراء', '👩‍👩‍👧‍👦🍎', '赤いりんご', '\ud800 lone surrogate', 'x'.repeat(10_000)]) {
      const { images } = await engine.generate(quickSettings({ prompt, steps: 1 }));
      assert.equal(images.length, 1);
    }
  });
});
