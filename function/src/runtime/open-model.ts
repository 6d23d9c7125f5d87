import { type GraphName, hasComponent, weightsFile } from '../bundle/manifest.ts';
import type { Bundle } from '../bundle/open-bundle.ts';
import type { SafetyCheckerConfig } from '../graphs/model-config.ts';
import type { DiffusionModel } from '../pipeline/diffusion-model.ts';
import { toClipImage } from '../pipeline/safety/clip-image.ts';
import { judge, type SafetyScores } from '../pipeline/safety/judge.ts';
import type { Pixels } from '../pipeline/start/pixels.ts';
import { createTokenizer } from '../pipeline/tokenizer.ts';
import type { SessionHost } from './session-host.ts';
import type { Outputs, SessionSettings } from './session-protocol.ts';
import { type Tensor, tensor } from './tensor.ts';

/** What a text-to-image run needs, in the order it needs it. */
const components = ['text_encoder', 'unet', 'vae_decoder'] as const;

export interface OpenModelOptions extends Pick<SessionSettings, 'threads'> {
  /** Called as components become ready, with bytes of weights. */
  onLoaded?: (loadedBytes: number, totalBytes: number) => void;
  /**
   * Asked when the text encoder's session is there: whether it should run once for nothing, as something else is waited for
   * anyway. A provider sets itself up in its first run.
   * @defaultValue never
   */
  shouldWarmUp?: () => boolean;
}

/**
 * Creates the sessions of a bundle and gives them the face the pipeline works with.
 * @throws FunctionError `unavailable` when the bundle is for a GPU and none can be used here; `out_of_memory`.
 */
export async function openModel(
  bundle: Bundle,
  host: SessionHost,
  { onLoaded, shouldWarmUp, ...settings }: OpenModelOptions = {},
): Promise<DiffusionModel> {
  const { manifest } = bundle;
  const sizes = components.map((component) => manifest.files[weightsFile(component)]?.bytes ?? 0);
  const totalBytes = sizes.reduce((total, bytes) => total + bytes, 0);
  let loadedBytes = 0;
  onLoaded?.(loadedBytes, totalBytes);
  const loadSession = (graph: GraphName) => {
    // Once for a picture: their copies would take longer to make, and 350 MB and more.
    const prepack = graph !== 'text_encoder' && graph !== 'safety_checker';
    return host.load(graph, bundle.graphPath(graph), { ...settings, provider: manifest.target, prepack });
  };
  const load = async (component: GraphName, i: number) => {
    await loadSession(component);
    if (component === 'text_encoder' && shouldWarmUp?.() === true)
      await runTextEncoder([new Int32Array(manifest.config.text.positions)]);
    loadedBytes += sizes[i] ?? 0;
    onLoaded?.(loadedBytes, totalBytes);
  };
  // Only pictures that start from a picture, are checked, or are drawn or decoded otherwise need the rest.
  const loadShallow = once(() => loadSession('unet_shallow'));
  const loadEncoder = once(() => loadSession('vae_encoder'));
  const loadPreview = once(() => loadSession('preview_decoder'));
  const loadChecker = once(() => loadSession('safety_checker'));
  const { safety } = manifest.config;
  async function checkSafety(pixels: Pixels, { image_size }: SafetyCheckerConfig): Promise<SafetyScores> {
    await loadChecker();
    const outputs = await host.run('safety_checker', { image: toClipImage(pixels, image_size) });
    return judge({
      concepts: output(outputs, 'concept_cosines').data,
      conceptThresholds: output(outputs, 'concept_thresholds').data,
      special: output(outputs, 'special_cosines').data,
      specialThresholds: output(outputs, 'special_thresholds').data,
    });
  }
  function runTextEncoder(tokenIds: readonly Int32Array[], clipSkip = 1, vectors: readonly Float32Array[] = []) {
    const data = BigInt64Array.from(tokenIds.flatMap((ids) => Array.from(ids, BigInt)));
    const token_ids = { data, dims: [tokenIds.length, data.length / tokenIds.length] };
    // Hidden state i is the input of layer i: with a clip skip of 2, that of the last layer.
    const state = Math.max(manifest.config.text.layers + 1 - clipSkip, 0);
    const hidden_state = { data: BigInt64Array.of(BigInt(clipSkip === 1 ? 0 : state)), dims: [1] };
    const custom_embeddings = tableOf(vectors, manifest.config.text.width);
    return host.run('text_encoder', { token_ids, hidden_state, custom_embeddings });
  }
  // The worker thread creates the sessions while this one builds the tokenizer.
  const [tokenizer] = await Promise.all([bundle.readTokenizerJson().then(createTokenizer), ...components.map(load)]);

  return {
    info: manifest.model,
    config: manifest.config,
    checkpointSha256: manifest.source.sha256,
    tokenizer,
    vocabulary: manifest.vocabulary === undefined ? undefined : new Set(manifest.vocabulary),

    async encodePrompts(tokenIds, clipSkip = 1, vectors = []) {
      const outputs = await runTextEncoder(tokenIds, clipSkip, vectors);
      return output(outputs, clipSkip === 1 ? 'prompt_embeddings' : 'skipped_embeddings');
    },

    async predictNoise(latents, timestep, promptEmbeddings, deep) {
      const batch = latents.dims[0] ?? 1;
      const data = typeof timestep === 'number' ? new Float32Array(batch).fill(timestep) : timestep;
      const timesteps = tensor(data, [batch]);
      const feeds = { latents, timesteps, prompt_embeddings: promptEmbeddings };
      if (deep?.value !== undefined) {
        await loadShallow();
        return output(await host.run('unet_shallow', { ...feeds, deep_features: deep.value }), 'noise_prediction');
      }
      const outputs = await host.run('unet', feeds, ['noise_prediction', ...(deep ? ['deep_features'] : [])]);
      if (deep !== undefined) deep.value = output(outputs, 'deep_features');
      return output(outputs, 'noise_prediction');
    },

    async encodeImage(image) {
      await loadEncoder();
      return splitMoments(
        output(await host.run('vae_encoder', { image }), 'moments'),
        manifest.config.diffusion.scale_factor,
      );
    },

    checkSafety: safety && ((pixels) => checkSafety(pixels, safety)),

    async decodeLatents({ data, dims }) {
      const { scale_factor } = manifest.config.diffusion;
      const latents = { data: data.map((value) => value / scale_factor), dims };
      return output(await host.run('vae_decoder', { latents }), 'image');
    },

    ...(hasComponent(manifest, 'preview_decoder') && {
      async decodePreview(latents: Tensor) {
        await loadPreview();
        return output(await host.run('preview_decoder', { latents }), 'image');
      },
    }),
  };
}

/** [max(n, 1), width]: the graph takes no empty table. */
function tableOf(vectors: readonly Float32Array[], width: number): Tensor {
  const data = new Float32Array(Math.max(vectors.length, 1) * width);
  for (const [row, vector] of vectors.entries()) data.set(vector, row * width);
  return tensor(data, [data.length / width, width]);
}

/** Does it when it is first asked to, and not again. */
function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

/** Source: `DiagonalGaussianDistribution` in CompVis/stable-diffusion. */
function splitMoments({ data, dims }: Tensor, scaleFactor: number): { mean: Tensor; deviation: Tensor } {
  const [count = 1, channels = 2, ...sides] = dims;
  const half = data.length / 2;
  const latentDims = [count, channels / 2, ...sides];
  const mean = data.subarray(0, half).map((value) => value * scaleFactor);
  const deviation = data
    .subarray(half)
    .map((logVariance) => Math.exp(Math.min(Math.max(logVariance, -30), 20) / 2) * scaleFactor);
  return { mean: { data: mean, dims: latentDims }, deviation: { data: deviation, dims: latentDims } };
}

function output(outputs: Outputs, name: string): Tensor {
  const value = outputs[name];
  if (value === undefined) throw new Error(`The graph has no output ${name}`);
  return value;
}
