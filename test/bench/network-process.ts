/** Measures one task on the bundle: `network-process.ts BUNDLE load|unet|vae|image RUNS STEPS TARGET BATCH SIZE`. Prints a line of JSON. */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { generateInputSchema } from '@safelight/sdk/contract';
import { openBundle } from '../../function/src/bundle/open-bundle.ts';
import { recordVerified } from '../../function/src/bundle/verified-states.ts';
import type { Target } from '../../function/src/graphs/layers/layers.ts';
import { generate } from '../../function/src/pipeline/generate.ts';
import { resolveSettings } from '../../function/src/pipeline/resolve-settings.ts';
import { openModel } from '../../function/src/runtime/open-model.ts';
import { createSessionHost } from '../../function/src/runtime/session-host.ts';
import type { Feeds } from '../../function/src/runtime/session-protocol.ts';
import { timed, unitTensor } from '../full-size/parity-section.ts';
import type { NetworkTask } from './networks.ts';

const [folder = '', task, runs, steps, provider, batch, size] = process.argv.slice(2) as [
  string,
  NetworkTask,
  string,
  string,
  Target,
  string,
  string,
];
const side = Number(size) / 8;
/** One row of latents and two of prompts: both halves of the guidance. More pictures have latents for each of both. */
const latentRows = Number(batch) === 1 ? 1 : 2 * Number(batch);
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

/** The driver knows the memory of all processes: the GPU should have nothing else to do. */
function readGpuMegabytes(): number {
  const used = execFileSync('nvidia-smi', ['--query-gpu=memory.used', '--format=csv,noheader,nounits'], {
    encoding: 'utf8',
  });
  return (Number.parseInt(used, 10) * 2 ** 20) / 1e6;
}

const networks: Record<'unet' | 'vae', { name: 'unet' | 'vae_decoder'; output: string; feeds: Feeds }> = {
  unet: {
    name: 'unet',
    output: 'noise_prediction',
    feeds: {
      latents: unitTensor('bench.latents', [latentRows, 4, side, side]),
      timesteps: { data: new Float32Array(latentRows).fill(981), dims: [latentRows] },
      prompt_embeddings: unitTensor('bench.prompts', [2 * Number(batch), 77, 768]),
    },
  },
  vae: {
    name: 'vae_decoder',
    output: 'image',
    feeds: { latents: unitTensor('bench.latents', [Number(batch), 4, side, side]) },
  },
};

// A bundle that was verified once, as every bundle is before its second start.
const bundle = await openBundle(folder);
await recordVerified(folder, bundle.manifest);
if (task === 'load' || task === 'image') {
  const load = async () => openModel(await openBundle(folder), host);
  const model = await (task === 'load' ? measure(load) : load());
  const wanted = { width: Number(size), height: Number(size), steps: Number(steps), sampler: 'ddim', seed: 1 };
  const input = generateInputSchema.parse({ prompt: 'a photo of a cat', ...wanted });
  const settings = resolveSettings(input, model.info, () => 1);
  for (let i = 0; task === 'image' && i < Number(runs); i += 1) {
    await measure(() => generate(model, settings));
  }
} else {
  const { name, output, feeds } = networks[task];
  await host.load(name, bundle.graphPath(name), { provider });
  for (let i = 0; i < Number(runs); i += 1) await measure(() => host.run(name, feeds, [output]));
}
const peakMegabytes = (process.resourceUsage().maxRSS * 1024) / 1e6;
const ownMegabytes = await readOwnMegabytes();
const gpuMegabytes = provider === 'cuda' ? readGpuMegabytes() : undefined;
console.log(JSON.stringify({ seconds, cpuSeconds, peakMegabytes, ownMegabytes, gpuMegabytes }));
await host.close();
