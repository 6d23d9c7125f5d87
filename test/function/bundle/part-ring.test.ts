import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createPartRing } from '../../../function/src/bundle/part-ring.ts';

describe('passing a file through a ring of parts', () => {
  test('fills in order and never what is still worked on', async () => {
    const busy = new Set<SharedArrayBuffer>();
    const filled: [offset: number, length: number][] = [];
    const drained: [offset: number, byte: number][] = [];
    let most = 0;
    await createPartRing(10, 3).pass(65, {
      async fill(part, offset) {
        assert.ok(!busy.has(part.buffer));
        filled.push([offset, part.byteLength]);
        part.fill(offset);
      },
      async drain(part, offset) {
        busy.add(part.buffer);
        most = Math.max(most, busy.size);
        for (let i = 0; i <= offset % 4; i += 1) await turn();
        drained.push([offset, part[0] as number]);
        busy.delete(part.buffer);
      },
    });
    const offsets = [0, 10, 20, 30, 40, 50, 60];
    assert.deepEqual(
      filled,
      offsets.map((offset) => [offset, offset === 60 ? 5 : 10]),
    );
    assert.deepEqual(
      drained.toSorted(([a], [b]) => a - b),
      offsets.map((offset) => [offset, offset]),
    );
    assert.ok(most > 1);
  });

  test('fails with the first error, when nothing works on the memory any more', async () => {
    let working = 0;
    const drain = async (_part: unknown, offset: number) => {
      working += 1;
      await turn();
      await turn();
      working -= 1;
      if (offset === 0) throw new Error('no space');
    };
    const ring = createPartRing(10, 2);
    await assert.rejects(ring.pass(100, { fill: async () => undefined, drain }), /no space/);
    assert.equal(working, 0);
    const fill = async (_part: unknown, offset: number) => {
      if (offset === 20) throw new Error('not finite');
    };
    const lateDrain = async () => {
      working += 1;
      await turn();
      working -= 1;
    };
    await assert.rejects(ring.pass(100, { fill, drain: lateDrain }), /not finite/);
    assert.equal(working, 0);
    await ring.pass(0, { fill, drain: lateDrain });
  });
});
