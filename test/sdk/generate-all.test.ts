import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type GenerateOptions,
  type GenerateResult,
  generateAll,
  InvalidInputError,
  type Safelight,
} from '@safelight/sdk';
import { reasonOf } from './support/reason-of.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A client whose calls take some turns; prompts of "bad" fail, those of "hang" wait for their signal. */
function createStub() {
  const seen: { prompt: string; options: GenerateOptions }[] = [];
  const counts = { underWay: 0, most: 0, aborted: 0 };
  const generate = async ({ prompt }: { prompt: string }, options: GenerateOptions = {}): Promise<GenerateResult> => {
    seen.push({ prompt, options });
    counts.most = Math.max(counts.most, ++counts.underWay);
    try {
      for (let turns = seen.length % 3; turns >= 0; turns--) await turn();
      if (prompt === 'bad') throw new Error('bad');
      options.signal?.throwIfAborted();
      if (prompt === 'hang') {
        await new Promise((_, reject) =>
          options.signal?.addEventListener('abort', () => reject(options.signal?.reason)),
        );
      }
      return { seed: seen.length } as GenerateResult;
    } catch (error) {
      if (options.signal?.aborted === true) counts.aborted++;
      throw error;
    } finally {
      counts.underWay--;
    }
  };
  return { client: { generate } as Pick<Safelight, 'generate'>, seen, counts };
}

const inputs = (...prompts: string[]) => prompts.map((prompt) => ({ prompt }));

describe('a batch', () => {
  it('runs as many calls at a time as allowed, and ends each input once', async () => {
    const { client, counts } = createStub();
    const seen = new Set<number>();
    const fifty = inputs(...Array.from({ length: 50 }, (_, index) => (index % 10 === 3 ? 'bad' : `picture ${index}`)));
    for await (const outcome of generateAll(client, fifty, { concurrency: 7 })) {
      assert.equal(outcome.status, outcome.input.prompt === 'bad' ? 'rejected' : 'fulfilled');
      assert.equal(outcome.input, fifty[outcome.index]);
      seen.add(outcome.index);
    }
    assert.equal(seen.size, 50);
    assert.equal(counts.most, 7);
  });

  it('takes inputs only as they are needed, from any iterable', async () => {
    const { client } = createStub();
    let taken = 0;
    async function* endless() {
      for (;;) yield { prompt: `picture ${taken++}` };
    }
    for await (const { index } of generateAll(client, endless(), { concurrency: 2 })) if (index >= 5) break;
    assert.ok(taken <= 10, String(taken));
    const none: unknown[] = [];
    for await (const outcome of generateAll(client, [])) none.push(outcome);
    assert.deepEqual(none, []);
  });

  it('cancels what is under way when the loop is left or the signal aborts', async () => {
    const left = createStub();
    for await (const _ of generateAll(left.client, inputs('a', 'hang', 'hang', 'b'), { concurrency: 3 })) break;
    assert.equal(left.counts.aborted, 2);

    const aborted = createStub();
    const controller = new AbortController();
    const reason = new Error('enough');
    const run = async () => {
      for await (const _ of generateAll(aborted.client, inputs('hang', 'hang', 'c'), { signal: controller.signal })) {
        controller.abort(reason);
      }
    };
    assert.equal(await reasonOf(run()), reason);
    assert.equal(aborted.counts.aborted, 2);
    assert.equal(await reasonOf(run()), reason, 'a signal that has aborted starts nothing');
    assert.equal(aborted.seen.length, 3);
  });

  it('gives each input a key of its own, the same each time the batch runs', async () => {
    const { client, seen } = createStub();
    for await (const _ of generateAll(client, inputs('a', 'b'), { idempotencyKey: 'nightly-7' }));
    for await (const _ of generateAll(client, inputs('a')));
    assert.deepEqual(
      seen.map(({ options }) => options.idempotencyKey),
      ['nightly-7-0', 'nightly-7-1', undefined],
    );
  });

  it('refuses a concurrency that is none', async () => {
    const { client } = createStub();
    for (const concurrency of [0, -1, 1.5, Number.NaN]) {
      const error = await reasonOf(generateAll(client, [], { concurrency }).next());
      assert.ok(InvalidInputError.isInstance(error) && error.field === 'concurrency');
    }
  });
});
