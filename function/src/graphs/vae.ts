import type { Graph, Value } from './graph-builder.ts';
import { createLayers } from './layers/create-layers.ts';
import type { Layers, Target } from './layers/layers.ts';
import { createStripLayers, type StripLayers, type Strips, whole } from './layers/strips.ts';
import type { VaeConfig } from './model-config.ts';

const PREFIX = 'first_stage_model';
const NORM_EPSILON = 1e-6;

/**
 * The decoder's largest feature maps decide how much memory a picture takes. For GPUs numbers are half as large, and
 * GroupNorm is one kernel, on whole maps.
 */
const STRIPS: Record<Target, readonly number[]> = { cpu: [8, 4], cuda: [] };

/**
 * The decoder half of the KL autoencoder (Rombach et al. 2022, § 3.1; CompVis `Decoder`):
 * `latents` [batch, z, height, width], already divided by the scale factor → `image` [batch, 3, 8·height, 8·width],
 * nominally in [-1, 1], not clamped. Latents have at least four rows.
 * @param strips In how many strips of rows a level is computed, the one of the largest feature maps first; those that
 * are not named in one. The numbers are the same but for rounding.
 */
export function buildVaeDecoder(config: VaeConfig, target: Target = 'cpu', strips = STRIPS[target]): Graph {
  const layers = createLayers(target, 'vae_decoder');
  const { ch, ch_mult, num_res_blocks, z_channels, embed_dim, out_ch } = config;
  const latents = layers.imageInput('latents', ['batch', embed_dim, 'height', 'width']);
  const quantized = layers.conv(`${PREFIX}.post_quant_conv`, latents, embed_dim, z_channels, { kernel: 1 });

  const decoder = `${PREFIX}.decoder`;
  const inStrips = createStripLayers(layers);
  let channels = ch * (ch_mult.at(-1) ?? 1);
  const start = layers.conv(`${decoder}.conv_in`, quantized, z_channels, channels, { kernel: 3 });
  let x = whole(middle(layers, `${decoder}.mid`, start, channels));
  for (const [level, multiple] of [...ch_mult.entries()].reverse()) {
    for (let block = 0; block <= num_res_blocks; block += 1) {
      x = resnetBlock(inStrips, `${decoder}.up.${level}.block.${block}`, x, channels, ch * multiple);
      channels = ch * multiple;
    }
    if (level > 0) {
      const upsample = { conv: `${decoder}.up.${level}.upsample.conv`, inputs: channels, outputs: channels };
      x = inStrips.doubleThenConv(inStrips.join(x), upsample, strips[level - 1] ?? 1);
    }
  }
  const last = { norm: `${decoder}.norm_out`, conv: `${decoder}.conv_out`, inputs: channels, outputs: out_ch };
  x = inStrips.normThenConv(x, { ...last, epsilon: NORM_EPSILON });

  layers.imageOutput(inStrips.join(x), 'image', ['batch', out_ch, 'image_height', 'image_width']);
  return layers.g.build();
}

/**
 * The encoder half: `image` [batch, 3, height, width] in [-1, 1], sides multiples of 8 → `moments`
 * [batch, 2·z, height/8, width/8]: mean, then log variance, not clamped, not scaled.
 */
export function buildVaeEncoder(config: VaeConfig, target: Target = 'cpu'): Graph {
  const layers = createLayers(target, 'vae_encoder');
  const { ch, ch_mult, num_res_blocks, z_channels, embed_dim, in_channels } = config;
  const image = layers.imageInput('image', ['batch', in_channels, 'height', 'width']);

  const encoder = `${PREFIX}.encoder`;
  let channels = ch;
  let x = layers.conv(`${encoder}.conv_in`, image, in_channels, channels, { kernel: 3 });
  for (const [level, multiple] of ch_mult.entries()) {
    for (let block = 0; block < num_res_blocks; block += 1) {
      x = wholeBlock(layers, `${encoder}.down.${level}.block.${block}`, x, channels, ch * multiple);
      channels = ch * multiple;
    }
    if (level < ch_mult.length - 1) {
      // The original pads right and bottom only.
      const options = { kernel: 3, stride: 2, pads: [0, 0, 1, 1] } as const;
      x = layers.conv(`${encoder}.down.${level}.downsample.conv`, x, channels, channels, options);
    }
  }
  x = middle(layers, `${encoder}.mid`, x, channels);
  x = layers.groupNorm(`${encoder}.norm_out`, x, channels, { epsilon: NORM_EPSILON, silu: true });
  x = layers.conv(`${encoder}.conv_out`, x, channels, 2 * z_channels, { kernel: 3 });
  x = layers.conv(`${PREFIX}.quant_conv`, x, 2 * z_channels, 2 * embed_dim, { kernel: 1 });

  layers.imageOutput(x, 'moments', ['batch', 2 * embed_dim, 'latent_height', 'latent_width']);
  return layers.g.build();
}

function middle(layers: Layers, prefix: string, x: Value, channels: number): Value {
  const first = wholeBlock(layers, `${prefix}.block_1`, x, channels, channels);
  const attended = attentionBlock(layers, `${prefix}.attn_1`, first, channels);
  return wholeBlock(layers, `${prefix}.block_2`, attended, channels, channels);
}

function wholeBlock(layers: Layers, prefix: string, x: Value, inputs: number, outputs: number): Value {
  const inOne = createStripLayers(layers);
  return inOne.join(resnetBlock(inOne, prefix, whole(x), inputs, outputs));
}

function resnetBlock(inStrips: StripLayers, prefix: string, x: Strips, inputs: number, outputs: number): Strips {
  const first = { norm: `${prefix}.norm1`, conv: `${prefix}.conv1`, inputs, outputs, epsilon: NORM_EPSILON };
  const second = { norm: `${prefix}.norm2`, conv: `${prefix}.conv2`, inputs: outputs, outputs, epsilon: NORM_EPSILON };
  const shortcut = { conv: `${prefix}.nin_shortcut`, inputs, outputs };
  const projected = inputs === outputs ? undefined : inStrips.project(x, shortcut);
  const h = inStrips.normThenConv(inStrips.normThenConv(x, first), { ...second, along: projected });
  return inStrips.add(projected ?? x, h);
}

/** Self-attention with a single head over all places of the smallest feature map. */
function attentionBlock(layers: Layers, prefix: string, x: Value, channels: number): Value {
  const normalized = layers.groupNorm(`${prefix}.norm`, x, channels, { epsilon: NORM_EPSILON, silu: false });
  const project = (name: string) =>
    layers.imageToTokens(layers.conv(`${prefix}.${name}`, normalized, channels, channels, { kernel: 1 }));
  const attended = layers.tokensToImage(layers.attention(project('q'), project('k'), project('v'), 1), x);
  return layers.g.node('Add', [x, layers.conv(`${prefix}.proj_out`, attended, channels, channels, { kernel: 1 })]);
}
