import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readApiConfig, readAuthorizerConfig, readStreamConfig } from '../../../function/src/api/lambda/config.ts';
import { ENTRY_POINTS, ENVIRONMENT } from '../../../function/src/aws/environment.ts';

const API = {
  SAFELIGHT_JOBS_TABLE: 'jobs',
  SAFELIGHT_LIMITS_TABLE: 'limits',
  SAFELIGHT_QUEUE_URL: 'https://queue.example/jobs',
  SAFELIGHT_IMAGES_BUCKET: 'pictures',
  SAFELIGHT_MODELS: 's3://models/v1-5',
  SAFELIGHT_INSTANCE_TYPES: 'g6.xlarge,g5.xlarge',
  SAFELIGHT_CAPACITY: 'spot',
};

describe("the functions' configuration", () => {
  it("is read for the API, with the first machine's price", () => {
    const config = readApiConfig(API);
    assert.deepEqual([config.maxQueued, config.retentionDays, config.version], [1000, 90, 'unknown']);
    assert.equal(config.webhooks, undefined);
    const onDemand = readApiConfig({ ...API, SAFELIGHT_CAPACITY: 'on-demand', SAFELIGHT_SENDS_WEBHOOKS: 'true' });
    assert.ok((onDemand.gpuPrice?.perHour ?? 0) > (config.gpuPrice?.perHour ?? 9));
    assert.deepEqual(onDemand.webhooks, { allowsPrivate: false });
    assert.deepEqual([config.safety, readApiConfig({ ...API, SAFELIGHT_SAFETY: 'block' }).safety], ['flag', 'block']);
    assert.throws(() => readApiConfig({ ...API, SAFELIGHT_SAFETY: 'off' }), /SAFELIGHT_SAFETY/);
    assert.throws(() => readApiConfig({ ...API, SAFELIGHT_CAPACITY: 'cheap' }), /SAFELIGHT_CAPACITY/);
    assert.throws(() => readApiConfig({ ...API, SAFELIGHT_MAX_QUEUED: 'many' }), /SAFELIGHT_MAX_QUEUED/);
  });

  it('names every variable that an entry point lacks', () => {
    const namesOf = (read: () => unknown) => {
      try {
        read();
      } catch (error) {
        return (error as Error).message.match(/SAFELIGHT_\w+/g)?.sort();
      }
      return [];
    };
    const required = (name: keyof typeof ENTRY_POINTS) =>
      ENTRY_POINTS[name].required.map((variable) => ENVIRONMENT[variable]).sort();
    assert.deepEqual(
      namesOf(() => readApiConfig({})),
      required('api'),
    );
    assert.deepEqual(
      namesOf(() => readStreamConfig({})),
      required('stream'),
    );
    assert.deepEqual(
      namesOf(() => readAuthorizerConfig({})),
      required('authorizer'),
    );
  });
});
