import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createInstanceMetadata } from '../../../function/src/worker/instance-metadata.ts';

/** EC2's metadata as it answers on a machine; `tokens` counts what was handed out. */
const createEc2 = (data: Record<string, string>) => {
  const ec2 = { tokens: 0, requests: [] as string[], data };
  const answer: typeof fetch = async (input, init) => {
    const url = String(input);
    const headers = new Headers(init?.headers);
    if (url === 'http://169.254.169.254/latest/api/token' && init?.method === 'PUT') {
      assert.equal(headers.get('x-aws-ec2-metadata-token-ttl-seconds'), '21600');
      return new Response(`token-${++ec2.tokens}`);
    }
    const path = url.replace('http://169.254.169.254/latest/meta-data/', '');
    ec2.requests.push(path);
    if (headers.get('x-aws-ec2-metadata-token') !== `token-${ec2.tokens}`) return new Response('', { status: 401 });
    const value = ec2.data[path];
    return value === undefined ? new Response('', { status: 404 }) : new Response(value);
  };
  return { ...createInstanceMetadata(answer), ec2 };
};

describe('what EC2 says of a machine', () => {
  it('is its type, and whether it is a spot machine', async () => {
    const spot = createEc2({ 'instance-type': 'g6.xlarge', 'instance-life-cycle': 'spot' });
    assert.deepEqual(await spot.machine(), { instanceType: 'g6.xlarge', capacity: 'spot' });
    const other = createEc2({ 'instance-type': 'g5.xlarge', 'instance-life-cycle': 'on-demand' });
    assert.deepEqual(await other.machine(), { instanceType: 'g5.xlarge', capacity: 'on-demand' });
  });

  it('is nothing where there is no EC2', async () => {
    const nowhere = createInstanceMetadata(() => Promise.reject(new Error('no route')));
    assert.equal(await nowhere.machine(), undefined);
    await assert.rejects(nowhere.isBeingTakenBack(), /no route/);
  });

  it('is whether it is being taken back; one token serves until EC2 refuses it', async () => {
    const { isBeingTakenBack, ec2 } = createEc2({});
    assert.equal(await isBeingTakenBack(), false);
    assert.equal(await isBeingTakenBack(), false);
    assert.equal(ec2.tokens, 1);
    ec2.tokens = 7;
    ec2.data['spot/instance-action'] = '{"action":"terminate","time":"2026-07-01T00:02:00Z"}';
    assert.equal(await isBeingTakenBack(), true);
    assert.equal(ec2.tokens, 8);
  });
});
