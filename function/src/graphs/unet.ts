import { type Graph, GraphBuilder, type Value } from './graph-builder.ts';
import { conv, groupNorm, linear, silu } from './layers.ts';
import type { UnetConfig } from './model-config.ts';
import { repeatForPrompts, spatialTransformer } from './spatial-transformer.ts';

/** Epsilon of the UNet's own GroupNorms; its spatial transformers use 1e-6. */
const NORM_EPSILON = 1e-5;

/**
 * The noise-predicting UNet (Rombach et al. 2022, § 3.3; CompVis `UNetModel` with spatial transformers):
 * `latents` [batch, 4, height, width], `timesteps` [batch], `prompt_embeddings` [prompts, tokens, context_dim]
 * → `noise_prediction` [prompts, 4, height, width]. All float32; timesteps may be fractional.
 *
 * There are as many prompts as latents, or several prompts for one latent, as guidance needs them: what comes before the
 * first look at a prompt is then computed once.
 */
export function buildUnet(config: UnetConfig, prefix = 'model.diffusion_model'): Graph {
  const g = new GraphBuilder('unet');
  const latents = g.input('latents', 'float32', ['batch', config.in_channels, 'height', 'width']);
  const timesteps = g.input('timesteps', 'float32', ['batch']);
  const context = g.input('prompt_embeddings', 'float32', ['prompts', 'tokens', config.context_dim]);

  const timeEmbedding = embedTimesteps(g, `${prefix}.time_embed`, timesteps, config.model_channels);
  const network = { g, prefix, config, timeEmbedding, context };
  const { x, channels, skips } = downPath(network, latents);
  const middle = middleBlock(network, x, channels);
  const top = upPath(network, middle, channels, skips);

  const normalized = silu(g, groupNorm(g, `${prefix}.out.0`, top, config.model_channels, NORM_EPSILON));
  const prediction = conv(g, `${prefix}.out.2`, normalized, config.model_channels, config.out_channels, { kernel: 3 });
  g.output(prediction, 'noise_prediction', 'float32', ['prompts', config.out_channels, 'height', 'width']);
  return g.build();
}

interface Network {
  g: GraphBuilder;
  prefix: string;
  config: UnetConfig;
  /** [batch, 4 · model_channels], SiLU applied. */
  timeEmbedding: Value;
  context: Value;
}

/** A feature map; those of the way down are kept for the way up. */
interface FeatureMap {
  value: Value;
  channels: number;
  /** Whether it has seen no prompt yet: [batch, …] where later ones are [prompts, …]. */
  isPromptless?: boolean;
}

function downPath(network: Network, latents: Value): { x: Value; channels: number; skips: FeatureMap[] } {
  const { g, config, prefix } = network;
  const { model_channels, channel_mult, num_res_blocks } = config;
  let channels = model_channels;
  let x = conv(g, `${prefix}.input_blocks.0.0`, latents, config.in_channels, channels, { kernel: 3 });
  let isPromptless = true;
  const skips: FeatureMap[] = [{ value: x, channels, isPromptless }];
  for (const [level, multiple] of channel_mult.entries()) {
    for (let block = 0; block < num_res_blocks; block += 1) {
      const name = `${prefix}.input_blocks.${skips.length}`;
      x = resBlock(network, `${name}.0`, x, channels, model_channels * multiple);
      channels = model_channels * multiple;
      if (attendsAt(config, level)) {
        x = transformer(network, `${name}.1`, x, channels);
        isPromptless = false;
      }
      skips.push({ value: x, channels, isPromptless });
    }
    if (level < channel_mult.length - 1) {
      x = conv(g, `${prefix}.input_blocks.${skips.length}.0.op`, x, channels, channels, { kernel: 3, stride: 2 });
      skips.push({ value: x, channels, isPromptless });
    }
  }
  return { x, channels, skips };
}

function middleBlock(network: Network, x: Value, channels: number): Value {
  const name = `${network.prefix}.middle_block`;
  const first = resBlock(network, `${name}.0`, x, channels, channels);
  const attended = transformer(network, `${name}.1`, first, channels);
  return resBlock(network, `${name}.2`, attended, channels, channels);
}

function upPath(network: Network, middle: Value, middleChannels: number, skips: FeatureMap[]): Value {
  const { config, prefix } = network;
  const blocks = config.num_res_blocks + 1;
  let x: FeatureMap = { value: middle, channels: middleChannels };
  for (const [rise, multiple] of config.channel_mult.toReversed().entries()) {
    const level = config.channel_mult.length - 1 - rise;
    for (let block = 0; block < blocks; block += 1) {
      const name = `${prefix}.output_blocks.${rise * blocks + block}`;
      x = outputBlock(network, name, x, popSkip(skips), config.model_channels * multiple, level);
    }
    const below = skips.at(-1);
    if (level > 0 && below !== undefined) {
      const name = `${prefix}.output_blocks.${rise * blocks + blocks - 1}.${attendsAt(config, level) ? 2 : 1}.conv`;
      x = { value: upsample(network.g, name, x.value, x.channels, below.value), channels: x.channels };
    }
  }
  return x.value;
}

function outputBlock(
  network: Network,
  name: string,
  x: FeatureMap,
  skip: FeatureMap,
  channels: number,
  level: number,
): FeatureMap {
  const { g, context } = network;
  const kept = skip.isPromptless ? repeatForPrompts(g, skip.value, context, 4) : skip.value;
  const joined = g.node('Concat', [x.value, kept], { axis: 1 });
  const value = resBlock(network, `${name}.0`, joined, x.channels + skip.channels, channels);
  return {
    value: attendsAt(network.config, level) ? transformer(network, `${name}.1`, value, channels) : value,
    channels,
  };
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
function embedTimesteps(g: GraphBuilder, prefix: string, timesteps: Value, channels: number): Value {
  const half = channels / 2;
  const frequencies = Float32Array.from({ length: half }, (_, i) => Math.exp((-Math.log(10_000) * i) / half));
  const column = g.node('Unsqueeze', [timesteps, g.integers(1)]);
  const angles = g.node('Mul', [column, g.constant('timestep_frequencies', frequencies, [1, half])]);
  const sinusoids = g.node('Concat', [g.node('Cos', [angles]), g.node('Sin', [angles])], { axis: 1 });
  const hidden = silu(g, linear(g, `${prefix}.0`, sinusoids, channels, 4 * channels));
  // Every residual block begins with this SiLU: once is enough.
  return silu(g, linear(g, `${prefix}.2`, hidden, 4 * channels, 4 * channels));
}

function resBlock(
  { g, config, timeEmbedding }: Network,
  prefix: string,
  x: Value,
  inputs: number,
  outputs: number,
): Value {
  const normalized = silu(g, groupNorm(g, `${prefix}.in_layers.0`, x, inputs, NORM_EPSILON));
  const convolved = conv(g, `${prefix}.in_layers.2`, normalized, inputs, outputs, { kernel: 3 });
  const time = linear(g, `${prefix}.emb_layers.1`, timeEmbedding, 4 * config.model_channels, outputs);
  const shifted = g.node('Add', [convolved, g.node('Unsqueeze', [time, g.integers(2, 3)])]);
  const activated = silu(g, groupNorm(g, `${prefix}.out_layers.0`, shifted, outputs, NORM_EPSILON));
  const h = conv(g, `${prefix}.out_layers.3`, activated, outputs, outputs, { kernel: 3 });
  const skip = inputs === outputs ? x : conv(g, `${prefix}.skip_connection`, x, inputs, outputs, { kernel: 1 });
  return g.node('Add', [skip, h]);
}

function transformer({ g, config, context }: Network, prefix: string, x: Value, channels: number): Value {
  return spatialTransformer(g, prefix, x, context, {
    channels,
    heads: config.num_heads,
    depth: config.transformer_depth,
    contextDim: config.context_dim,
  });
}

/**
 * Nearest-neighbour doubling to the size of the feature map it will be joined with. The two differ by a row or column
 * where a size was odd on the way down, as in diffusers' `upsample_size`.
 */
function upsample(g: GraphBuilder, prefix: string, x: Value, channels: number, like: Value): Value {
  const batchAndChannels = g.node('Shape', [x], { start: 0, end: 2 });
  const sizes = g.node('Concat', [batchAndChannels, g.node('Shape', [like], { start: 2, end: 4 })], { axis: 0 });
  const enlarged = g.node('Resize', [x, undefined, undefined, sizes], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
  return conv(g, prefix, enlarged, channels, channels, { kernel: 3 });
}
