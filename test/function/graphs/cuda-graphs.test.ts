import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { buildGraph, compileBundle } from '../../../function/src/bundle/compile.ts';
import { componentNames, type GraphName, graphFile, weightsFile } from '../../../function/src/bundle/manifest.ts';
import { readModelFolder } from '../../../function/src/bundle/model-folder.ts';
import { openSafetensors } from '../../../function/src/checkpoint/safetensors.ts';
import { encodeOnnx } from '../../../function/src/graphs/encode-onnx.ts';
import { type ModelConfig, stableDiffusionV1 } from '../../../function/src/graphs/model-config.ts';
import { createNoiseGenerator } from '../../../function/src/pipeline/random/noise-generator.ts';
import { createSessionHost, type SessionHost } from '../../../function/src/runtime/session-host.ts';
import type { Feeds } from '../../../function/src/runtime/session-protocol.ts';
import { embeddedModelFolder, openEmbeddedBundle, temporaryFolder } from '../../support/embedded-model.ts';
import { cudaOnlyOperators, lowerToCpu } from '../../support/lower-to-cpu.ts';

/** Half precision carries eleven bits; the networks are some sixty layers deep. */
const TOLERANCE = 1e-3;

const cudaGraph = (name: GraphName, config: ModelConfig) => buildGraph(name, config, 'cuda');
const graphNames = [...componentNames, 'unet_shallow'] as const;

const noise = createNoiseGenerator('cpu', 7);
const normal = (...dims: number[]) => ({ data: noise.randn(dims.reduce((a, b) => a * b, 1)), dims });
const timesteps = (...values: number[]) => ({ data: Float32Array.from(values), dims: [values.length] });

const cases: [string, GraphName, Feeds][] = [
  [
    'text encoder',
    'text_encoder',
    {
      // The last of them beyond the vocabulary's 49,408.
      token_ids: { data: BigInt64Array.from({ length: 154 }, (_, i) => BigInt(323 * i)), dims: [2, 77] },
      hidden_state: { data: BigInt64Array.of(2n), dims: [1] },
      custom_embeddings: normal(12, 64),
    },
  ],
  [
    'UNet: two latents, two prompts',
    'unet',
    { latents: normal(2, 4, 16, 16), timesteps: timesteps(981, 20), prompt_embeddings: normal(2, 77, 64) },
  ],
  [
    'UNet: one latent of odd size, three prompts',
    'unet',
    { latents: normal(1, 4, 10, 14), timesteps: timesteps(500.5), prompt_embeddings: normal(3, 77, 64) },
  ],
  [
    'UNet, shallow: one latent of odd size, three prompts',
    'unet_shallow',
    {
      latents: normal(1, 4, 10, 14),
      timesteps: timesteps(500.5),
      prompt_embeddings: normal(3, 77, 64),
      deep_features: normal(3, 64, 10, 14),
    },
  ],
  ['VAE decoder', 'vae_decoder', { latents: normal(1, 4, 6, 10) }],
  ['VAE encoder', 'vae_encoder', { image: normal(1, 3, 48, 80) }],
];

describe('the graphs for CUDA, said in the operators of the CPU provider', () => {
  let host: SessionHost;
  let folder: string;
  const cleanUps: (() => Promise<void>)[] = [];

  before(async () => {
    host = createSessionHost();
    const cpu = await openEmbeddedBundle();
    const { info, config } = await readModelFolder(embeddedModelFolder);
    folder = join(await temporaryFolder({ after: (cleanUp) => cleanUps.push(cleanUp) }), 'bundle');
    const checkpoint = await openSafetensors(join(embeddedModelFolder, 'mini.safetensors'));
    const sourceSha256 = cpu.manifest.source.sha256;
    await compileBundle(folder, { checkpoint, sourceSha256, model: info, config, target: 'cuda' });
    await checkpoint.close();
    for (const name of graphNames) {
      const lowered = join(folder, `${name}.lowered.onnx`);
      const owner = name === 'unet_shallow' ? cudaGraph('unet', config) : undefined;
      await writeFile(lowered, encodeOnnx(lowerToCpu(cudaGraph(name, config)), weightsFile(name), owner));
      await host.load(`cpu ${name}`, cpu.graphPath(name));
      await host.load(`cuda ${name}`, lowered);
    }
  });
  after(async () => {
    await host.close();
    for (const cleanUp of cleanUps) await cleanUp();
  });

  for (const [name, component, feeds] of cases) {
    test(`${name}: as the graph for the CPU, within half precision`, async (t) => {
      const [expected] = Object.values(await host.run(`cpu ${component}`, feeds));
      const [actual] = Object.values(await host.run(`cuda ${component}`, feeds));
      assert.ok(expected !== undefined && actual !== undefined);
      assert.deepEqual(actual.dims, expected.dims);
      const error = relativeError(actual.data, expected.data);
      t.diagnostic(`relative error ${error.toExponential(2)}`);
      // Written so that NaN fails too.
      assert.ok(error < TOLERANCE, `relative error ${error}`);
    });
  }

  test('UNet, shallow: gives the whole prediction with the deep features that came with it', async (t) => {
    const inputs = { latents: normal(1, 4, 10, 14), timesteps: timesteps(981), prompt_embeddings: normal(2, 77, 64) };
    const { noise_prediction: whole, deep_features } = await host.run('cuda unet', inputs);
    assert.ok(whole !== undefined && deep_features !== undefined);
    const { noise_prediction: shallow } = await host.run('cuda unet_shallow', { ...inputs, deep_features });
    assert.deepEqual(shallow?.dims, whole.dims);
    const error = relativeError(shallow?.data ?? new Float32Array(), whole.data);
    t.diagnostic(`relative error ${error.toExponential(2)}`);
    assert.ok(error < TOLERANCE, `relative error ${error}`);
  });

  for (const component of graphNames) {
    test(`${component}: onnxruntime accepts the graph itself and lacks only kernels for it`, async () => {
      const { config } = await readModelFolder(embeddedModelFolder);
      const operators = [...cudaOnlyOperators(cudaGraph(component, config))];
      const loading = host.load('original', join(folder, graphFile(component)));
      if (operators.length === 0) return loading;
      await assert.rejects(loading, (error: Error) => {
        // Types, shapes and attributes are checked first; what is wrong there has another message.
        assert.match(String(error.cause), /Failed to find kernel for com\.microsoft\./);
        return true;
      });
    });
  }
});

test('the full-size graphs for CUDA use every fused operator, and nothing in place of one', () => {
  const operators = new Set<string>();
  for (const component of componentNames) {
    const graph = cudaGraph(component, stableDiffusionV1);
    for (const { opType } of graph.nodes) operators.add(opType);
  }
  for (const fused of ['NhwcConv', 'GroupNorm', 'SkipGroupNorm', 'BiasSplitGelu', 'MultiHeadAttention']) {
    assert.ok(operators.has(fused), fused);
  }
  for (const composed of ['Conv', 'InstanceNormalization', 'ReduceMean', 'Split', 'Gelu']) {
    assert.ok(!operators.has(composed), composed);
  }
});

/** ‖actual − expected‖ / ‖expected‖ */
function relativeError(actual: Float32Array, expected: Float32Array): number {
  const square = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(square(actual.map((value, i) => value - (expected[i] as number))) / square(expected));
}
