import type { Graph, Value } from './graph-builder.ts';
import { createLayers } from './layers/create-layers.ts';
import { type Layers, type MapSize, repeatForPrompts, type Target } from './layers/layers.ts';
import type { UnetConfig } from './model-config.ts';
import { spatialTransformer } from './spatial-transformer.ts';

const PREFIX = 'model.diffusion_model';

/** Epsilon of the UNet's own GroupNorms; its spatial transformers use 1e-6. */
const NORM_EPSILON = 1e-5;

/**
 * The feature maps of the upper levels, the rest are small: the first two have many places and few channels, so that twice
 * their weights is a tenth of all. A third more of the next level's is less than that.
 */
const MAP_SIZES: readonly MapSize[] = ['large', 'large', 'medium'];
/** Channels of the uppermost level from which on that pays: with fewer, sums of rows take longer than the products they save. */
const MIN_CHANNELS = 256;

export interface UnetOptions {
  /** Of the upper levels, the rest are small: all are where weights are quantized. @defaultValue as its widths suggest */
  mapSizes?: readonly MapSize[];
}

/**
 * The noise-predicting UNet (Rombach et al. 2022, § 3.3; CompVis `UNetModel` with spatial transformers):
 * `latents` [batch, 4, height, width], `timesteps` [batch], `prompt_embeddings` [prompts, tokens, context_dim]
 * → `noise_prediction` [prompts, 4, height, width], and `deep_features` [prompts, model_channels, height, width] for
 * `buildShallowUnet`. All float32; timesteps may be fractional.
 *
 * There are as many prompts as latents, or several prompts for one latent, as guidance needs them: what comes before the
 * first look at a prompt is then computed once.
 */
export function buildUnet(config: UnetConfig, target: Target = 'cpu', options: UnetOptions = {}): Graph {
  const { network, latents } = openNetwork('unet', config, target, options);
  const { x, skips } = downPath(network, latents);
  const deep = upPath(network, middleBlock(network, x), skips);
  predictNoise(network, deep, popSkip(skips));
  network.layers.imageOutput(deep.value, DEEP_FEATURES, deepDims(config));
  return network.layers.g.build();
}

/**
 * The first convolution and the last block of the UNet, with what the layers between them said at another timestep (Ma et al.
 * 2023, "DeepCache", § 3.3, the uppermost skip branch): inputs as the UNet's and `deep_features` → `noise_prediction`.
 * All of its weights are the UNet's.
 */
export function buildShallowUnet(config: UnetConfig, target: Target = 'cpu', options: UnetOptions = {}): Graph {
  const { network, latents } = openNetwork('unet_shallow', config, target, options);
  const value = network.layers.imageInput(DEEP_FEATURES, deepDims(config));
  const deep = { value, channels: config.model_channels, level: 0, isPromptless: false };
  predictNoise(network, deep, firstFeatures(network, latents));
  return network.layers.g.build();
}

/** Name of what the last block takes besides the first convolution's feature map. */
const DEEP_FEATURES = 'deep_features';
const deepDims = ({ model_channels }: UnetConfig) => ['prompts', model_channels, 'height', 'width'] as const;

function openNetwork(
  name: string,
  config: UnetConfig,
  target: Target,
  { mapSizes = config.model_channels < MIN_CHANNELS ? [] : MAP_SIZES }: UnetOptions,
): { network: Network; latents: Value } {
  const layers = createLayers(target, name);
  const { g } = layers;
  const latents = layers.imageInput('latents', ['batch', config.in_channels, 'height', 'width']);
  const timesteps = g.input('timesteps', 'float32', ['batch']);
  const embeddings = g.input('prompt_embeddings', 'float32', ['prompts', 'tokens', config.context_dim]);
  const context = layers.toWorkingPrecision(embeddings);

  const promptless = embedTimesteps(layers, timesteps, config.model_channels);
  const timeEmbeddings = { promptless, prompted: repeatForPrompts(g, promptless, context, 2) };
  return { network: { layers, config, timeEmbeddings, context, mapSizes }, latents };
}

/** The last block of the way up, and the output that follows from it. */
function predictNoise(network: Network, deep: FeatureMap, first: FeatureMap): void {
  const { layers, config } = network;
  const { model_channels, out_channels, channel_mult, num_res_blocks } = config;
  const name = `${PREFIX}.output_blocks.${channel_mult.length * (num_res_blocks + 1) - 1}`;
  const top = outputBlock(network, name, deep, first, model_channels).value;
  const normalized = layers.groupNorm(`${PREFIX}.out.0`, top, model_channels, { epsilon: NORM_EPSILON, silu: true });
  const prediction = layers.conv(`${PREFIX}.out.2`, normalized, model_channels, out_channels, { kernel: 3 });
  layers.imageOutput(prediction, 'noise_prediction', ['prompts', out_channels, 'height', 'width']);
}

/**
 * Whether a layer of the UNet stays in float32 where the others are quantized, by the name of its weight: what knows of the time, the first
 * convolution and the last, whose few channels are the latents, and those of the skip connections, most of which take two feature maps
 * side by side, of ranges too unlike for one scale (Li et al. 2023, "Q-Diffusion"). Together they are 2% of the work.
 */
export function staysExact(weight: string): boolean {
  return /\.(time_embed|emb_layers|input_blocks\.0\.0|diffusion_model\.out|skip_connection)\./.test(weight);
}

interface Network {
  layers: Layers;
  config: UnetConfig;
  /** [batch, 4 · model_channels] before the first look at a prompt, [prompts, …] after it; SiLU applied. */
  timeEmbeddings: { promptless: Value; prompted: Value };
  context: Value;
  mapSizes: readonly MapSize[];
}

/** A feature map; those of the way down are kept for the way up. */
interface FeatureMap {
  value: Value;
  channels: number;
  /** How often it was halved. */
  level: number;
  /** Whether it has seen no prompt yet: [batch, …] where later ones are [prompts, …]. */
  isPromptless: boolean;
}

function firstFeatures({ layers, config }: Network, latents: Value): FeatureMap {
  const { in_channels, model_channels: channels } = config;
  const value = layers.conv(`${PREFIX}.input_blocks.0.0`, latents, in_channels, channels, { kernel: 3 });
  return { value, channels, level: 0, isPromptless: true };
}

function downPath(network: Network, latents: Value): { x: FeatureMap; skips: FeatureMap[] } {
  const { layers, config } = network;
  const { model_channels, channel_mult, num_res_blocks } = config;
  let x = firstFeatures(network, latents);
  const skips: FeatureMap[] = [x];
  for (const [level, multiple] of channel_mult.entries()) {
    for (let block = 0; block < num_res_blocks; block += 1) {
      const name = `${PREFIX}.input_blocks.${skips.length}`;
      x = resBlock(network, `${name}.0`, x, model_channels * multiple);
      if (attendsAt(config, level)) x = transformer(network, `${name}.1`, x);
      skips.push(x);
    }
    if (level < channel_mult.length - 1) {
      const name = `${PREFIX}.input_blocks.${skips.length}.0.op`;
      const value = layers.conv(name, x.value, x.channels, x.channels, { kernel: 3, stride: 2 });
      x = { ...x, value, level: level + 1 };
      skips.push(x);
    }
  }
  return { x, skips };
}

function middleBlock(network: Network, x: FeatureMap): FeatureMap {
  const name = `${PREFIX}.middle_block`;
  const first = resBlock(network, `${name}.0`, x, x.channels);
  const attended = transformer(network, `${name}.1`, first);
  return resBlock(network, `${name}.2`, attended, x.channels);
}

/** All but the last block, for which one feature map of the way down is left. */
function upPath(network: Network, middle: FeatureMap, skips: FeatureMap[]): FeatureMap {
  const { layers, config } = network;
  const blocks = config.num_res_blocks + 1;
  let x = middle;
  for (const [rise, multiple] of config.channel_mult.toReversed().entries()) {
    const level = config.channel_mult.length - 1 - rise;
    for (let block = 0; block < blocks; block += 1) {
      const name = `${PREFIX}.output_blocks.${rise * blocks + block}`;
      if (skips.length === 1) return x;
      x = outputBlock(network, name, x, popSkip(skips), config.model_channels * multiple);
    }
    const below = skips.at(-1);
    if (level > 0 && below !== undefined) {
      const name = `${PREFIX}.output_blocks.${rise * blocks + blocks - 1}.${attendsAt(config, level) ? 2 : 1}.conv`;
      // The two differ by a row or column where a size was odd on the way down, as in diffusers' `upsample_size`.
      const enlarged = layers.enlarge(x.value, below.value);
      const options = { kernel: 3, mapSize: mapSize(network, below) } as const;
      x = { ...x, value: layers.conv(name, enlarged, x.channels, x.channels, options), level: below.level };
    }
  }
  return x;
}

function outputBlock(network: Network, name: string, x: FeatureMap, skip: FeatureMap, channels: number): FeatureMap {
  const { layers, context } = network;
  const kept = skip.isPromptless ? repeatForPrompts(layers.g, skip.value, context, 4) : skip.value;
  const joined = {
    value: layers.joinChannels(x.value, kept),
    channels: x.channels + skip.channels,
    level: x.level,
    isPromptless: false,
  };
  const value = resBlock(network, `${name}.0`, joined, channels);
  return attendsAt(network.config, x.level) ? transformer(network, `${name}.1`, value) : value;
}

function mapSize({ mapSizes }: Network, { level }: FeatureMap): MapSize {
  return mapSizes[level] ?? 'small';
}

function popSkip(skips: FeatureMap[]): FeatureMap {
  const skip = skips.pop();
  if (skip === undefined) throw new Error('The UNet has more output blocks than input blocks');
  return skip;
}

function attendsAt(config: UnetConfig, level: number): boolean {
  return config.attention_resolutions.includes(2 ** level);
}

/** Sinusoids of the timestep (Ho et al. 2020, appendix B), cosines first, through a two-layer perceptron. */
function embedTimesteps(layers: Layers, timesteps: Value, channels: number): Value {
  const { g } = layers;
  const prefix = `${PREFIX}.time_embed`;
  const half = channels / 2;
  const frequencies = Float32Array.from({ length: half }, (_, i) => Math.exp((-Math.log(10_000) * i) / half));
  const column = g.node('Unsqueeze', [timesteps, g.integers(1)]);
  // In float32 for every target: half precision cannot tell the cosines of 981 and 981.5 apart.
  const angles = g.node('Mul', [column, g.constant('timestep_frequencies', frequencies, [1, half])]);
  const sinusoids = g.node('Concat', [g.node('Cos', [angles]), g.node('Sin', [angles])], { axis: 1 });
  const input = layers.toWorkingPrecision(sinusoids);
  const hidden = layers.silu(layers.linear(`${prefix}.0`, input, channels, 4 * channels));
  // Every residual block begins with this SiLU: once is enough.
  return layers.silu(layers.linear(`${prefix}.2`, hidden, 4 * channels, 4 * channels));
}

function resBlock(network: Network, prefix: string, x: FeatureMap, outputs: number): FeatureMap {
  const { layers, config, timeEmbeddings } = network;
  const inputs = x.channels;
  const options = { epsilon: NORM_EPSILON, silu: true };
  const timeEmbedding = x.isPromptless ? timeEmbeddings.promptless : timeEmbeddings.prompted;
  const activated = layers.convThenNorm(layers.groupNorm(`${prefix}.in_layers.0`, x.value, inputs, options), {
    conv: `${prefix}.in_layers.2`,
    norm: `${prefix}.out_layers.0`,
    inputs,
    outputs,
    epsilon: NORM_EPSILON,
    shift: layers.linear(`${prefix}.emb_layers.1`, timeEmbedding, 4 * config.model_channels, outputs),
    mapSize: mapSize(network, x),
  });
  const h = layers.conv(`${prefix}.out_layers.3`, activated, outputs, outputs, {
    kernel: 3,
    mapSize: mapSize(network, x),
  });
  const skip =
    inputs === outputs ? x.value : layers.conv(`${prefix}.skip_connection`, x.value, inputs, outputs, { kernel: 1 });
  return { ...x, value: layers.g.node('Add', [skip, h]), channels: outputs };
}

function transformer({ layers, config, context }: Network, prefix: string, x: FeatureMap): FeatureMap {
  const value = spatialTransformer(layers, prefix, x.value, context, {
    channels: x.channels,
    heads: config.num_heads,
    depth: config.transformer_depth,
    contextDim: config.context_dim,
  });
  return { ...x, value, isPromptless: false };
}
