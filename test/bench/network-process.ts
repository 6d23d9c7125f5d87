/** Measures one task on the bundle: `network-process.ts BUNDLE load|unet|vae|image RUNS STEPS`. Prints a line of JSON. */
import { readFile } from 'node:fs/promises';
import { generateInputSchema } from '@safelight/sdk/contract';
import { openBundle } from '../../function/src/bundle/open-bundle.ts';
import { recordVerified } from '../../function/src/bundle/verified-states.ts';
import { generate } from '../../function/src/pipeline/generate.ts';
import { resolveSettings } from '../../function/src/pipeline/resolve-settings.ts';
import { openModel } from '../../function/src/runtime/open-model.ts';
import { createSessionHost } from '../../function/src/runtime/session-host.ts';
import type { Feeds } from '../../function/src/runtime/session-protocol.ts';
import { timed, unitTensor } from '../full-size/parity-section.ts';
import type { NetworkTask } from './networks.ts';

const [folder = '', task, runs, steps] = process.argv.slice(2) as [string, NetworkTask, string, string];
const host = createSessionHost();
const seconds: number[] = [];
const cpuSeconds: number[] = [];

async function measure<T>(work: () => Promise<T>): Promise<T> {
  const before = process.cpuUsage();
  const { value, seconds: elapsed } = await timed(work);
  const { user, system } = process.cpuUsage(before);
  seconds.push(elapsed);
  cpuSeconds.push((user + system) / 1e6);
  return value;
}

/** What is resident and no file's: the system cannot take it back. Linux alone tells. */
async function readOwnMegabytes(): Promise<number | undefined> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : (Number(kibibytes) * 1024) / 1e6;
}

const networks: Record<'unet' | 'vae', { name: 'unet' | 'vae_decoder'; output: string; feeds: Feeds }> = {
  // One row of latents and two of prompts: both halves of the guidance.
  unet: {
    name: 'unet',
    output: 'noise_prediction',
    feeds: {
      latents: unitTensor('bench.latents', [1, 4, 64, 64]),
      timesteps: { data: Float32Array.of(981), dims: [1] },
      prompt_embeddings: unitTensor('bench.prompts', [2, 77, 768]),
    },
  },
  vae: { name: 'vae_decoder', output: 'image', feeds: { latents: unitTensor('bench.latents', [1, 4, 64, 64]) } },
};

// A bundle that was verified once, as every bundle is before its second start.
const bundle = await openBundle(folder);
await recordVerified(folder, bundle.manifest);
if (task === 'load' || task === 'image') {
  const load = async () => openModel(await openBundle(folder), host);
  const model = await (task === 'load' ? measure(load) : load());
  const size = { width: 512, height: 512, steps: Number(steps), sampler: 'ddim', seed: 1 };
  const input = generateInputSchema.parse({ prompt: 'a photo of a cat', ...size });
  const settings = resolveSettings(input, model.info, () => 1);
  for (let i = 0; task === 'image' && i < Number(runs); i += 1) {
    await measure(() => generate(model, settings));
  }
} else {
  const { name, output, feeds } = networks[task];
  await host.load(name, bundle.graphPath(name));
  for (let i = 0; i < Number(runs); i += 1) await measure(() => host.run(name, feeds, [output]));
}
const peakMegabytes = (process.resourceUsage().maxRSS * 1024) / 1e6;
const ownMegabytes = await readOwnMegabytes();
console.log(JSON.stringify({ seconds, cpuSeconds, peakMegabytes, ownMegabytes }));
await host.close();
