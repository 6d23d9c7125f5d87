import { readManifest } from '../../function/src/bundle/open-bundle.ts';
import { createClipTokenizerJson } from '../../function/src/pipeline/clip-tokenizer-json.ts';
import { createTokenizer } from '../../function/src/pipeline/tokenizer.ts';
import type { Feeds } from '../../function/src/runtime/session-protocol.ts';
import { compareWithGolden, type GoldenCase, goldenCases } from './golden-cases.ts';
import { elementCount, loadNetwork, type Report, runNetwork, unitTensor } from './parity-section.ts';
import { uniformValues } from './random-values.ts';

/** Random weights pass on errors that trained ones take back: int8's is half a percent in each layer. */
const LIMITS = { fp32: 1e-3, fp16: 1e-2, int8: 0.2 };

/** Runs one network on every golden case of it. */
export async function compareNetwork(
  folder: string,
  network: 'text_encoder' | 'unet' | 'vae_decoder' | 'vae_encoder',
  report: Report,
): Promise<void> {
  const host = await loadNetwork(folder, network, report);
  const limit = LIMITS[(await readManifest(folder)).precision];
  for (const golden of goldenCases.filter(({ component }) => component === network)) {
    const { output, seconds } = await runNetwork(host, network, await feedsOf(golden));
    const comparison = await compareWithGolden(golden, output);
    report({ kind: 'row', row: { name: golden.name, dims: golden.dims, ...comparison, limit, seconds } });
  }
  await host.close();
}

/** The inputs of a case, as the script that made the goldens had them. */
async function feedsOf({ name, component, inputs }: GoldenCase): Promise<Feeds> {
  const { prompts = [], latents = [], timesteps = [], prompt_embeddings = [], image = [] } = inputs;
  switch (component) {
    case 'text_encoder':
      return {
        token_ids: await tokenRows(prompts),
        hidden_state: { data: BigInt64Array.of(0n), dims: [1] },
        custom_embeddings: { data: new Float32Array(768), dims: [1, 768] },
      };
    case 'unet':
      return {
        latents: unitTensor(`${name}.latents`, latents),
        timesteps: { data: Float32Array.from(timesteps), dims: [timesteps.length] },
        prompt_embeddings: unitTensor(`${name}.prompt_embeddings`, prompt_embeddings),
      };
    case 'vae_decoder':
      return { latents: unitTensor(`${name}.latents`, latents) };
    case 'vae_encoder':
      return { image: { data: uniformValues(`${name}.image`, elementCount(image), 1), dims: image } };
    case 'trajectory':
      throw new Error('A trajectory is no single run');
  }
}

async function tokenRows(prompts: readonly string[]) {
  const tokenizer = createTokenizer(await createClipTokenizerJson());
  const rows = prompts.map((prompt) => Array.from(tokenizer.encode(prompt).tokenIds, BigInt));
  return { data: BigInt64Array.from(rows.flat()), dims: [rows.length, rows[0]?.length ?? 0] };
}
