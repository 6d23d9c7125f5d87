import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSafelight, type PromptReading } from '@safelight/sdk';
import { createFakeFetch, success } from './support/fake-fetch.ts';

const reading: PromptReading = {
  parts: [{ weight: 1, schedule: [{ until: 20, text: 0 }] }],
  texts: [{ text: '(cat)', tokenCount: 1, chunks: [[{ id: 2368, text: 'cat', weight: 1.1 }]] }],
  warnings: [],
};

describe('prompts.read', () => {
  it('asks how a prompt is read, with the contract’s defaults', async () => {
    const { fetch, requests } = createFakeFetch(() => success(reading));
    const client = createSafelight({ endpoint: 'https://api.example', fetch });
    assert.deepEqual(await client.prompts.read({ prompt: '(cat)' }), reading);
    assert.match(requests[0]?.url ?? '', /prompts\.read$/);
    assert.deepEqual(requests[0]?.body, { prompt: '(cat)', promptSyntax: 'a1111', steps: 20 });
  });

  it('rejects what is no syntax before anything is sent', async () => {
    const { fetch, requests } = createFakeFetch(() => success(reading));
    const client = createSafelight({ endpoint: 'https://api.example', fetch });
    const promptSyntax = 'comfy' as 'plain';
    await assert.rejects(client.prompts.read({ prompt: 'x', promptSyntax }), { field: 'promptSyntax' });
    assert.equal(requests.length, 0);
  });
});
