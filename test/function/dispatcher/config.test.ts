import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ENTRY_POINTS, ENVIRONMENT } from '../../../function/src/aws/environment.ts';
import { readConfig } from '../../../function/src/dispatcher/config.ts';

const policy = {
  ...{ maxWorkers: 2, messagesPerWorker: 20, capacities: 'spot-only', spotPatienceSeconds: 1, spotRetrySeconds: 2 },
  ...{ startTimeoutSeconds: 3, idleSeconds: 4, keepWarmSeconds: 0 },
};
const complete = () => {
  const env = Object.fromEntries(
    ENTRY_POINTS.dispatcher.required.map((name) => [ENVIRONMENT[name], `value of ${name}`]),
  );
  return { ...env, [ENVIRONMENT.dispatchPolicy]: JSON.stringify(policy) };
};

describe('the dispatcher’s configuration', () => {
  it('reads every variable the deployment gives it', () => {
    const config = readConfig(complete());
    assert.deepEqual(config.policy, policy);
    assert.equal(config.spotProvider, 'value of spotProvider');
    assert.equal(config.onDemandProvider, 'value of onDemandProvider');
  });

  for (const name of ENTRY_POINTS.dispatcher.required)
    it(`needs ${ENVIRONMENT[name]}`, () => {
      assert.throws(() => readConfig({ ...complete(), [ENVIRONMENT[name]]: '' }), new RegExp(ENVIRONMENT[name]));
    });

  it('refuses a policy that makes no sense', () => {
    const wrong = JSON.stringify({ ...policy, messagesPerWorker: 0 });
    assert.throws(() => readConfig({ ...complete(), [ENVIRONMENT.dispatchPolicy]: wrong }));
  });
});
