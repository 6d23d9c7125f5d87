import type { Graph, Value } from './graph-builder.ts';
import { createLayers } from './layers/create-layers.ts';
import type { Layers, Target } from './layers/layers.ts';
import type { VaeConfig } from './model-config.ts';

const PREFIX = 'taesd_decoder';
const CHANNELS = 64;
/** Blocks before each doubling, and before the picture. */
const STAGES = [3, 3, 3, 1];

/**
 * The decoder of TAESD, a tiny autoencoder that was taught what the VAE does (madebyollin/taesd, `Decoder` in `taesd.py`):
 * `latents` [batch, z, height, width] of unit variance → `image` [batch, 3, 8·height, 8·width], nominally in [-1, 1], not
 * clamped. Tensors are named as there, by their place in the sequence.
 */
export function buildPreviewDecoder({ embed_dim }: VaeConfig, target: Target = 'cpu'): Graph {
  const layers = createLayers(target, 'preview_decoder');
  const { g } = layers;
  const number = (value: number) =>
    layers.toWorkingPrecision(g.constant(`number.${value}`, Float32Array.of(value), [1]));
  const latents = layers.imageInput('latents', ['batch', embed_dim, 'height', 'width']);

  // Place 0 bends far values towards ±3, place 2 is a ReLU.
  const near = g.node('Mul', [g.node('Tanh', [g.node('Div', [latents, number(3)])]), number(3)]);
  let x = g.node('Relu', [layers.conv(`${PREFIX}.1`, near, embed_dim, CHANNELS, { kernel: 3 })]);
  let place = 3;
  for (const [stage, blocks] of STAGES.entries()) {
    for (const end = place + blocks; place < end; place += 1) x = block(layers, `${PREFIX}.${place}`, x);
    if (stage === STAGES.length - 1) break;
    const options = { kernel: 3, bias: false } as const;
    x = layers.conv(`${PREFIX}.${place + 1}`, layers.double(x), CHANNELS, CHANNELS, options);
    place += 2;
  }
  x = layers.conv(`${PREFIX}.${place}`, x, CHANNELS, 3, { kernel: 3 });
  // From [0, 1] to where the VAE's pictures are.
  x = g.node('Sub', [g.node('Mul', [x, number(2)]), number(1)]);

  layers.imageOutput(x, 'image', ['batch', 3, 'image_height', 'image_width']);
  return g.build();
}

function block(layers: Layers, prefix: string, x: Value): Value {
  const { g } = layers;
  const conv = (place: number, input: Value) =>
    layers.conv(`${prefix}.conv.${place}`, input, CHANNELS, CHANNELS, { kernel: 3 });
  const h = conv(4, g.node('Relu', [conv(2, g.node('Relu', [conv(0, x)]))]));
  return g.node('Relu', [g.node('Add', [h, x])]);
}
