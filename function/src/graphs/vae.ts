import { type Graph, GraphBuilder, type Value } from './graph-builder.ts';
import { attention, conv, groupNorm, imageToTokens, silu, tokensToImage } from './layers.ts';
import type { VaeConfig } from './model-config.ts';

const NORM_EPSILON = 1e-6;

/**
 * The decoder half of the KL autoencoder (Rombach et al. 2022, § 3.1; CompVis `Decoder`):
 * `latents` [batch, z, height, width], already divided by the scale factor → `image` [batch, 3, 8·height, 8·width],
 * nominally in [-1, 1], not clamped.
 */
export function buildVaeDecoder(config: VaeConfig, prefix = 'first_stage_model'): Graph {
  const g = new GraphBuilder('vae_decoder');
  const { ch, ch_mult, num_res_blocks, z_channels, embed_dim, out_ch } = config;
  const latents = g.input('latents', 'float32', ['batch', embed_dim, 'height', 'width']);
  const quantized = conv(g, `${prefix}.post_quant_conv`, latents, embed_dim, z_channels, { kernel: 1 });

  const decoder = `${prefix}.decoder`;
  let channels = ch * (ch_mult.at(-1) ?? 1);
  let x = conv(g, `${decoder}.conv_in`, quantized, z_channels, channels, { kernel: 3 });
  x = middle(g, `${decoder}.mid`, x, channels);
  for (const [level, multiple] of [...ch_mult.entries()].reverse()) {
    for (let block = 0; block <= num_res_blocks; block += 1) {
      x = resnetBlock(g, `${decoder}.up.${level}.block.${block}`, x, channels, ch * multiple);
      channels = ch * multiple;
    }
    if (level > 0) x = conv(g, `${decoder}.up.${level}.upsample.conv`, double(g, x), channels, channels, { kernel: 3 });
  }
  x = silu(g, groupNorm(g, `${decoder}.norm_out`, x, channels, NORM_EPSILON));
  x = conv(g, `${decoder}.conv_out`, x, channels, out_ch, { kernel: 3 });

  g.output(x, 'image', 'float32', ['batch', out_ch, 'image_height', 'image_width']);
  return g.build();
}

/**
 * The encoder half: `image` [batch, 3, height, width] in [-1, 1], sides multiples of 8 → `moments`
 * [batch, 2·z, height/8, width/8]: mean, then log variance, not clamped, not scaled.
 */
export function buildVaeEncoder(config: VaeConfig, prefix = 'first_stage_model'): Graph {
  const g = new GraphBuilder('vae_encoder');
  const { ch, ch_mult, num_res_blocks, z_channels, embed_dim, in_channels } = config;
  const image = g.input('image', 'float32', ['batch', in_channels, 'height', 'width']);

  const encoder = `${prefix}.encoder`;
  let channels = ch;
  let x = conv(g, `${encoder}.conv_in`, image, in_channels, channels, { kernel: 3 });
  for (const [level, multiple] of ch_mult.entries()) {
    for (let block = 0; block < num_res_blocks; block += 1) {
      x = resnetBlock(g, `${encoder}.down.${level}.block.${block}`, x, channels, ch * multiple);
      channels = ch * multiple;
    }
    if (level < ch_mult.length - 1) {
      // The original pads right and bottom only.
      const options = { kernel: 3, stride: 2, pads: [0, 0, 1, 1] } as const;
      x = conv(g, `${encoder}.down.${level}.downsample.conv`, x, channels, channels, options);
    }
  }
  x = middle(g, `${encoder}.mid`, x, channels);
  x = silu(g, groupNorm(g, `${encoder}.norm_out`, x, channels, NORM_EPSILON));
  x = conv(g, `${encoder}.conv_out`, x, channels, 2 * z_channels, { kernel: 3 });
  x = conv(g, `${prefix}.quant_conv`, x, 2 * z_channels, 2 * embed_dim, { kernel: 1 });

  g.output(x, 'moments', 'float32', ['batch', 2 * embed_dim, 'latent_height', 'latent_width']);
  return g.build();
}

function middle(g: GraphBuilder, prefix: string, x: Value, channels: number): Value {
  const first = resnetBlock(g, `${prefix}.block_1`, x, channels, channels);
  const attended = attentionBlock(g, `${prefix}.attn_1`, first, channels);
  return resnetBlock(g, `${prefix}.block_2`, attended, channels, channels);
}

function resnetBlock(g: GraphBuilder, prefix: string, x: Value, inputs: number, outputs: number): Value {
  const first = silu(g, groupNorm(g, `${prefix}.norm1`, x, inputs, NORM_EPSILON));
  const hidden = conv(g, `${prefix}.conv1`, first, inputs, outputs, { kernel: 3 });
  const second = silu(g, groupNorm(g, `${prefix}.norm2`, hidden, outputs, NORM_EPSILON));
  const h = conv(g, `${prefix}.conv2`, second, outputs, outputs, { kernel: 3 });
  const skip = inputs === outputs ? x : conv(g, `${prefix}.nin_shortcut`, x, inputs, outputs, { kernel: 1 });
  return g.node('Add', [skip, h]);
}

/** Self-attention with a single head over all places of the smallest feature map. */
function attentionBlock(g: GraphBuilder, prefix: string, x: Value, channels: number): Value {
  const normalized = groupNorm(g, `${prefix}.norm`, x, channels, NORM_EPSILON);
  const project = (name: string) =>
    imageToTokens(g, conv(g, `${prefix}.${name}`, normalized, channels, channels, { kernel: 1 }));
  const attended = tokensToImage(g, attention(g, project('q'), project('k'), project('v'), 1), x);
  return g.node('Add', [x, conv(g, `${prefix}.proj_out`, attended, channels, channels, { kernel: 1 })]);
}

/** Nearest-neighbour doubling. */
function double(g: GraphBuilder, x: Value): Value {
  const scales = g.constant('scales.1_1_2_2', Float32Array.of(1, 1, 2, 2));
  return g.node('Resize', [x, undefined, scales], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
}
