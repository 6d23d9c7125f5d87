import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTimeShares } from '../../../function/src/jobs/time-shares.ts';

describe("a worker's time", () => {
  const createClock = () => {
    let time = 1000;
    const pass = (ms: number) => {
      time += ms;
    };
    return { now: () => time, pass };
  };

  it('is all paid for by a job that has the worker to itself, its storing too', () => {
    const clock = createClock();
    const shares = createTimeShares(clock.now);
    clock.pass(5000); // nobody's
    const share = shares.begin();
    clock.pass(2000);
    share.drawn();
    clock.pass(300);
    assert.equal(share.end(), 2.3);
  });

  it('is paid for once where one job is stored while the next is drawn', () => {
    const clock = createClock();
    const shares = createTimeShares(clock.now);
    const first = shares.begin();
    clock.pass(2000);
    const second = shares.begin();
    clock.pass(200); // both keep the engine busy: one decodes, the other begins
    first.drawn();
    clock.pass(300);
    assert.equal(first.end(), 2.1);
    clock.pass(1000);
    second.drawn();
    clock.pass(500);
    assert.equal(second.end(), 1.9);
  });

  it('is divided equally among those that are drawn together, and by two that are stored', () => {
    const clock = createClock();
    const shares = createTimeShares(clock.now);
    const [first, second] = [shares.begin(), shares.begin()];
    clock.pass(4000);
    first.drawn();
    second.drawn();
    clock.pass(200);
    assert.deepEqual([first.end(), second.end()], [2.1, 2.1]);
  });

  it('does not grow after its end, nor shrink when the clock is set back', () => {
    const clock = createClock();
    const shares = createTimeShares(clock.now);
    const share = shares.begin();
    clock.pass(1000);
    clock.pass(-600);
    assert.equal(share.end(), 0.4);
    clock.pass(1000);
    assert.equal(share.end(), 0.4);
    const next = shares.begin();
    clock.pass(-600);
    assert.equal(next.end(), 0);
  });
});
