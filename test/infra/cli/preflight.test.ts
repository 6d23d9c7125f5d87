import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { type Finding, preflight } from '../../../infra/src/cli/preflight.ts';
import type { Config } from '../../../infra/src/config.ts';
import { CONFIG, World } from './fakes.ts';

let world: World;
beforeEach(() => {
  world = new World();
});

const check = async (config: Partial<Config['workers']> = {}) => {
  const result = await preflight({ ...world.tools, config: { ...CONFIG, workers: { ...CONFIG.workers, ...config } } });
  const find = (name: string): Finding =>
    result.findings.find((finding) => finding.check === name) ?? assert.fail(name);
  return { ...result, find };
};

describe('preflight', () => {
  it('finds nothing to mend where all is well', async () => {
    const { findings, zones, isBootstrapped } = await check();
    assert.deepEqual([...new Set(findings.map(({ outcome }) => outcome))], ['ok']);
    assert.deepEqual(zones, ['eu-west-1a', 'eu-west-1b']);
    assert.equal(isBootstrapped, false);
  });

  it('says how to sign in, and still looks at the machine itself', async () => {
    world.hasCredentials = false;
    world.hasDocker = false;
    const { findings, find } = await check();
    assert.match(find('Credentials').detail, /aws configure/);
    assert.deepEqual(
      findings.filter(({ outcome }) => outcome === 'problem').map((finding) => finding.check),
      ['Credentials', 'Image builder'],
    );
  });

  it('a new account’s quota of zero is a problem, with the command that asks for more', async () => {
    world.quotas = { 'L-DB2E81BA': 0, 'L-3819A6DF': 0 };
    const { find } = await check();
    for (const [name, code] of [
      ['Quota, spot', 'L-3819A6DF'],
      ['Quota, on-demand', 'L-DB2E81BA'],
    ] as const) {
      assert.equal(find(name).outcome, 'problem');
      assert.match(
        find(name).detail,
        new RegExp(`request-service-quota-increase .*--quota-code ${code} --desired-value 8 --region eu-west-1`),
      );
    }
  });

  it('is content with one kind of machine, and warns of the other', async () => {
    world.quotas = { 'L-DB2E81BA': 4, 'L-3819A6DF': 0 };
    const { find } = await check();
    assert.equal(find('Quota, spot').outcome, 'warning');
    assert.equal(find('Quota, on-demand').outcome, 'warning');
  });

  it('looks only at the quota that is wanted', async () => {
    world.quotas = { 'L-DB2E81BA': 8, 'L-3819A6DF': 0 };
    const onDemand = await check({ capacity: 'on-demand-only' });
    assert.equal(
      onDemand.findings.some((finding) => finding.check === 'Quota, spot'),
      false,
    );
    const spot = await check({ capacity: 'spot-only' });
    assert.equal(spot.find('Quota, spot').outcome, 'problem');
  });

  it('only warns of a quota that it may not read', async () => {
    world.quotas = { 'L-DB2E81BA': new Error('AccessDenied'), 'L-3819A6DF': new Error('AccessDenied') };
    const { find } = await check();
    assert.equal(find('Quota, spot').outcome, 'warning');
    assert.match(find('Quota, spot').detail, /AccessDenied/);
  });

  it('a region without the machines is a problem', async () => {
    world.zones = {};
    const { find } = await check();
    assert.equal(find('Machines').outcome, 'problem');
    assert.match(find('Machines').detail, /eu-west-1 has no g4dn\.xlarge or g6\.xlarge/);
  });

  it('a cdk of another version is a problem', async () => {
    world.cdkVersion = '3.0.0';
    assert.match((await check()).find('CDK').detail, /2\.1148\.1 is needed and 3\.0\.0.* npm ci/);
    world.broken = ['cdk --version'];
    assert.equal((await check()).find('CDK').outcome, 'problem');
  });

  it('knows an account that CDK has prepared', async () => {
    world.stacks.CDKToolkit = { status: 'CREATE_COMPLETE', outputs: {} };
    assert.equal((await check()).isBootstrapped, true);
  });

  it('changes nothing', async () => {
    await check();
    assert.deepEqual(world.changes(), []);
  });
});
