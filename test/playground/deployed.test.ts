/** The playground as `deploy` puts it on AWS: the template's headers and rules, the API's functions, and signed URLs. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createSafelight } from '@safelight/sdk';
import type { Browser } from 'playwright-core';
import { createEngine } from '../../function/src/create-engine.ts';
import type { Engine } from '../../function/src/engine.ts';
import type { Worker } from '../../function/src/jobs/worker.ts';
import { readSite } from '../../infra/src/cli/read-site.ts';
import { sendSite } from '../../infra/src/cli/send-site.ts';
import { synthesize } from '../infra/synthesize.ts';
import { type Distribution, startDistribution } from '../support/aws/distribution.ts';
import { type Stack, startStack } from '../support/aws/stack.ts';
import { startTestWorker } from '../support/aws/start-test-worker.ts';
import { sharedCacheDir } from '../support/embedded-model.ts';
import { launchBrowser, skip } from './support/browser.ts';
import { builtPlayground } from './support/built-playground.ts';
import { assertPicture, make, visit } from './support/open-playground.ts';

describe('the playground on AWS', { skip }, () => {
  let browser: Browser;
  let engine: Engine;
  let stack: Stack;
  let worker: Worker;
  let distribution: Distribution;

  before(async () => {
    [browser, engine] = await Promise.all([launchBrowser(), createEngine({ cacheDir: sharedCacheDir })]);
    stack = await startStack({ engine });
    worker = startTestWorker(stack, engine);
    const { s3, url } = stack;
    const pictures = { bucket: 'pictures', origin: s3.endpoint };
    distribution = await startDistribution({ api: url, s3, siteBucket: 'site', pictures });
    const template = synthesize({ playground: true }, { 'safelight:address': distribution.url });
    const cors = template.resources('AWS::S3::Bucket').map(([, { Properties }]) => Properties.CorsConfiguration);
    s3.setCors(cors.flatMap((configuration) => configuration?.CorsRules ?? []));
    distribution.deploy(template);
    await sendSite(s3.client(), 'site', await readSite(await builtPlayground()));
  });
  after(async () => {
    await browser.close();
    await worker.drain();
    await distribution[Symbol.asyncDispose]();
    await stack[Symbol.asyncDispose]();
    await engine.close();
  });

  test('draws, loads pictures from the bucket, saves them, and starts from them', async () => {
    const apiKey = await stack.createKey();
    await using visitor = await visit(browser, distribution.url);
    const { page, complaints, requests } = visitor;
    const key = page.getByLabel('API key', { exact: true });
    await key.fill('sl_wrong');
    await page.getByRole('button', { name: 'Use this key' }).click();
    await page.getByText('The server does not let you in').waitFor();
    await key.fill(apiKey);
    await page.getByRole('button', { name: 'Use this key' }).click();
    await page.getByLabel('Steps', { exact: true }).fill('4');
    const picture = await make(visitor, 'a red apple');
    await assertPicture(picture.getByRole('img'), 128);

    await picture.click();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download' }).click();
    assert.match((await download).suggestedFilename(), /^safelight-\d+\.png$/);
    await page.getByRole('button', { name: 'Start from it' }).click();
    await page.getByRole('region', { name: 'Start picture' }).getByRole('img', { name: 'To start from' }).waitFor();
    await assertPicture((await make(visitor, 'a green apple')).getByRole('img'), 128);

    const { jobs } = await createSafelight({ endpoint: distribution.url, apiKey }).list();
    assert.match(jobs[0]?.settings.initImage ?? '', /^uploads\//);
    assert.deepEqual(
      complaints.filter((text) => /Content Security Policy|CORS|Access-Control/.test(text)),
      [],
    );
    const origins = new Set(requests.filter((url) => !url.startsWith('blob:')).map((url) => new URL(url).origin));
    assert.deepEqual([...origins].sort(), [distribution.url, stack.s3.endpoint].sort());
  });
});
