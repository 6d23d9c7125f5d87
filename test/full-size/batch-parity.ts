import { concat, row, type Tensor } from '../../function/src/runtime/tensor.ts';
import { relativeError } from './golden-cases.ts';
import { loadNetwork, type Report, runNetwork, unitTensor } from './parity-section.ts';

/** Not 0: a batch may be summed in another order than its rows alone. */
const LIMIT = 1e-5;
const MOST = 8;

/** A batch of 1 to 8 gives what its rows give alone: UNet, each row with its own timestep and prompt, and decoder. */
export async function compareBatches(folder: string, report: Report): Promise<void> {
  await compareBatchesOf(folder, report, 'unet', {
    latents: unitTensor('batches.latents', [MOST, 4, 16, 24]),
    timesteps: { data: Float32Array.from({ length: MOST }, (_, i) => 999 - 142.5 * i), dims: [MOST] },
    prompt_embeddings: unitTensor('batches.prompt_embeddings', [MOST, 77, 768]),
  });
  await compareBatchesOf(folder, report, 'vae_decoder', {
    latents: unitTensor('batches.latents', [MOST, 4, 8, 12]),
  });
}

/** One latent for two prompts, as guidance sends it, gives what the same latent twice gives. */
export async function compareSharedLatents(folder: string, report: Report): Promise<void> {
  const host = await loadNetwork(folder, 'unet', report);
  const latents = unitTensor('shared.latents', [1, 4, 64, 64]);
  const prompt_embeddings = unitTensor('shared.prompt_embeddings', [2, 77, 768]);
  const timesteps = { data: Float32Array.of(981), dims: [1] };
  const twice = { latents: concat([latents, latents]), timesteps: concat([timesteps, timesteps]), prompt_embeddings };
  const expected = await runNetwork(host, 'unet', twice);
  const { output, seconds } = await runNetwork(host, 'unet', { latents, timesteps, prompt_embeddings });
  const maxRelativeError = relativeError(output.data, expected.output.data);
  const name = 'unet.shared-latents';
  report({ kind: 'row', row: { name, dims: output.dims, maxRelativeError, limit: LIMIT, seconds } });
  await host.close();
}

async function compareBatchesOf(
  folder: string,
  report: Report,
  network: 'unet' | 'vae_decoder',
  feeds: Record<string, Tensor>,
): Promise<void> {
  const host = await loadNetwork(folder, network, report);
  const alone: Float32Array[] = [];
  for (let i = 0; i < MOST; i += 1) alone.push((await runNetwork(host, network, rows(feeds, i, i + 1))).output.data);
  for (let count = 1; count <= MOST; count += 1) {
    const { output, seconds } = await runNetwork(host, network, rows(feeds, 0, count));
    const errors = alone.slice(0, count).map((expected, i) => relativeError(row(output, i).data, expected));
    const name = `${network}.batch-of-${count}`;
    const maxRelativeError = Math.max(...errors);
    report({ kind: 'row', row: { name, dims: output.dims, maxRelativeError, limit: LIMIT, seconds } });
  }
  await host.close();
}

/** Rows `start` to `end` of every input. */
function rows(feeds: Record<string, Tensor>, start: number, end: number): Record<string, Tensor> {
  const cut = ({ data, dims: [count = 1, ...rest] }: Tensor): Tensor => {
    const size = data.length / count;
    return { data: data.slice(start * size, end * size), dims: [end - start, ...rest] };
  };
  return Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, cut(tensor)]));
}
