import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { destroySteps } from '../../../infra/src/cli/destroy-steps.ts';
import { runSteps } from '../../../infra/src/cli/run-steps.ts';
import { OUTPUTS, World } from './fakes.ts';

let world: World;
beforeEach(() => {
  world = new World();
  world.stacks.safelight = { status: 'UPDATE_COMPLETE', outputs: OUTPUTS };
  world.workers = 3;
});

const destroy = () => runSteps(destroySteps(world.tools), world.tools.print, () => 0);

describe('destroy', () => {
  it('stops workers for good before it deletes their cluster', async () => {
    await destroy();
    assert.equal(world.isPaused, true);
    assert.ok(world.printed.includes('[1/4] Stopping workers: 3 stopped (0 s)'));
    assert.deepEqual(world.commands, ['npx --no-install cdk destroy safelight --force']);
  });

  it('leaves no stack, no secret and no logs, and touches no others', async () => {
    world.secrets = {
      '/safelight/safelight/webhook-secrets': 'whsec_a',
      '/safelight/other/webhook-secrets': 'whsec_b',
    };
    await destroy();
    assert.deepEqual(world.stacks, {});
    assert.deepEqual(Object.keys(world.secrets), ['/safelight/other/webhook-secrets']);
    assert.deepEqual(world.logGroups, ['/aws/lambda/other']);
  });

  it('says what is in the way of a stack that stays', async () => {
    world.stacks.other = world.stacks.safelight ?? assert.fail();
    const run = world.runner.run;
    const runner = { run: async (...args: Parameters<typeof run>) => (args[0] === 'npx' ? '' : run(...args)) };
    await assert.rejects(
      runSteps(destroySteps({ ...world.tools, runner }), () => {}),
      /CloudFormation says UPDATE_COMPLETE/,
    );
  });

  it('may be run again after it failed, and when all is gone', async () => {
    world.broken = ['cdk destroy'];
    await assert.rejects(destroy());
    world.broken = [];
    await destroy();
    await destroy();
    assert.deepEqual(world.stacks, {});
  });
});
