import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTimeShares } from '../../../function/src/jobs/time-shares.ts';

describe("a worker's time", () => {
  const createShares = () => {
    let time = 1000;
    const pass = (ms: number) => {
      time += ms;
    };
    return { shares: createTimeShares(() => time), pass };
  };

  it('is all paid for by a job that has the worker to itself, its storing too', () => {
    const { shares, pass } = createShares();
    pass(5000); // nobody's
    const share = shares.begin();
    pass(2000);
    share.drawn();
    pass(300);
    assert.equal(share.end(), 2.3);
  });

  it('is paid for once where one job is stored while the next is drawn', () => {
    const { shares, pass } = createShares();
    const first = shares.begin();
    pass(2000);
    const second = shares.begin();
    pass(200); // both keep the engine busy: one decodes, the other begins
    first.drawn();
    pass(300);
    assert.equal(first.end(), 2.1);
    pass(1000);
    second.drawn();
    pass(500);
    assert.equal(second.end(), 1.9);
  });

  it('is divided equally among those that are drawn together, and by two that are stored', () => {
    const { shares, pass } = createShares();
    const [first, second] = [shares.begin(), shares.begin()];
    pass(4000);
    first.drawn();
    second.drawn();
    pass(200);
    assert.deepEqual([first.end(), second.end()], [2.1, 2.1]);
  });

  it('does not grow after its end, nor shrink when the clock is set back', () => {
    const { shares, pass } = createShares();
    const share = shares.begin();
    pass(1000);
    pass(-600);
    assert.equal(share.end(), 0.4);
    pass(1000);
    assert.equal(share.end(), 0.4);
    const next = shares.begin();
    pass(-600);
    assert.equal(next.end(), 0);
  });
});
