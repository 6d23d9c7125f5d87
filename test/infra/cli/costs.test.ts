import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { costReport, dearestHour, idleCosts, workerCosts } from '../../../infra/src/cli/costs.ts';
import { CONFIG } from './fakes.ts';

const workers = { ...CONFIG.workers, instanceTypes: ['g4dn.xlarge' as const, 'g5.xlarge' as const] };

describe('costs', () => {
  it('an idle month is paid for what is stored, and for looking once a minute', () => {
    const lines = idleCosts({ models: ['one'] });
    const total = lines.reduce((sum, { usd }) => sum + usd, 0);
    assert.ok(lines.every(({ usd }) => usd > 0 && usd < 1));
    assert.ok(total > 0.5 && total < 1.5, `${total}`);
  });

  it('each further model adds its storage', () => {
    const [one, two] = [idleCosts({ models: ['one'] })[0], idleCosts({ models: ['one', 'two'] })[0]];
    assert.equal(two?.usd, 2 * (one?.usd ?? 0));
  });

  it('a worker’s hour is the machine’s and the management fee, on the kinds that may run', () => {
    const [spot, onDemand] = workerCosts({ workers: { ...workers, instanceTypes: ['g4dn.xlarge'] } });
    assert.ok(Math.abs((onDemand?.usd ?? 0) - 0.526 * 1.12) < 1e-9);
    assert.ok(Math.abs((spot?.usd ?? 0) - 0.526 * 0.62) < 1e-9);
    const only = workerCosts({ workers: { ...workers, instanceTypes: ['g4dn.xlarge'], capacity: 'on-demand-only' } });
    assert.deepEqual(only, [onDemand]);
  });

  it('the most an hour can cost is all workers on the dearest machine', () => {
    const dearest = dearestHour({ workers: { ...workers, max: 3 } });
    assert.ok(Math.abs(dearest - 3 * 1.006 * 1.12) < 1e-9);
  });

  it('is told with its date', () => {
    assert.match(costReport(CONFIG), /us-east-1, \d{4}-\d{2}/);
  });
});
