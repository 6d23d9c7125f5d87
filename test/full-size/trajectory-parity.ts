import { openBundle } from '../../function/src/bundle/open-bundle.ts';
import type { DiffusionModel } from '../../function/src/pipeline/diffusion-model.ts';
import { constantPrompts, createGuidedPredictor } from '../../function/src/pipeline/guidance.ts';
import { createNoiseSchedule, samplers } from '../../function/src/pipeline/schedulers/index.ts';
import { openModel } from '../../function/src/runtime/open-model.ts';
import { createSessionHost } from '../../function/src/runtime/session-host.ts';
import { row, type Tensor } from '../../function/src/runtime/tensor.ts';
import { compareWithGolden, type GoldenCase, goldenCases } from './golden-cases.ts';
import { type Report, timed, unitTensor } from './parity-section.ts';

const LIMIT = 1e-3;

/** From prompt and noise to latents, and for DDIM on to the image, with all networks at once. */
export async function compareTrajectories(folder: string, report: Report): Promise<void> {
  const bundle = await openBundle(folder);
  const host = createSessionHost();
  const { value: model, seconds: loadSeconds } = await timed(() => openModel(bundle, host));
  report({ kind: 'loaded', seconds: loadSeconds });
  for (const samplerName of ['ddim', 'plms'] as const) {
    const golden = findGolden(`trajectory.${samplerName}`);
    const { value: latents, seconds } = await timed(() => sample(model, samplerName, golden));
    await reportRow(golden, latents, seconds);
    if (samplerName !== 'ddim') continue;
    const { value: image, seconds: decodeSeconds } = await timed(() => model.decodeLatents(latents));
    await reportRow(findGolden('trajectory.ddim.image'), image, decodeSeconds);
  }
  await host.close();

  async function reportRow(golden: GoldenCase, actual: Tensor, seconds: number) {
    const comparison = await compareWithGolden(golden, actual);
    report({ kind: 'row', row: { name: golden.name, dims: golden.dims, ...comparison, limit: LIMIT, seconds } });
  }
}

async function sample(model: DiffusionModel, sampler: 'ddim' | 'plms', { inputs }: GoldenCase): Promise<Tensor> {
  const { prompt = '', guidance = 1, steps = 1, noise = [] } = inputs;
  const tokens = ['', prompt].map((text) => model.tokenizer.encode(text).tokenIds);
  const embeddings = await model.encodePrompts(tokens);
  const prompts = constantPrompts(row(embeddings, 1), row(embeddings, 0));
  const predictNoise = createGuidedPredictor(model, prompts, guidance);
  const { timesteps, linear_start, linear_end } = model.config.diffusion;
  const data = await samplers[sampler].sample({
    noise: unitTensor('trajectory.noise', noise).data,
    steps,
    schedule: 'ddim_uniform',
    eta: 0,
    noiseSchedule: createNoiseSchedule({ timesteps, linearStart: linear_start, linearEnd: linear_end }),
    predictNoise: async (latents, timestep) => (await predictNoise({ data: latents, dims: noise }, timestep)).data,
    drawNoise: () => {
      throw new Error('Neither sampler draws noise at eta 0');
    },
    createBrownianNoise: () => {
      throw new Error('Neither sampler solves the stochastic equation');
    },
  });
  return { data, dims: noise };
}

function findGolden(name: string): GoldenCase {
  const found = goldenCases.find((golden) => golden.name === name);
  if (found === undefined) throw new Error(`No golden case ${name}`);
  return found;
}
