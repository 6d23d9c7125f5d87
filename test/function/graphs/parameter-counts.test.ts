import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeOnnx } from '../../../function/src/graphs/encode-onnx.ts';
import type { Graph } from '../../../function/src/graphs/graph-builder.ts';
import { stableDiffusionV1 } from '../../../function/src/graphs/model-config.ts';
import { buildTextEncoder } from '../../../function/src/graphs/text-encoder.ts';
import { buildUnet } from '../../../function/src/graphs/unet.ts';
import { buildVaeDecoder, buildVaeEncoder } from '../../../function/src/graphs/vae.ts';

/** Counted by PyTorch on the original modules: UNetModel, CLIPTextModel, AutoencoderKL (its two halves). */
const originals: [Graph, number][] = [
  [buildUnet(stableDiffusionV1.unet), 859_520_964],
  [buildTextEncoder(stableDiffusionV1.text), 123_060_480],
  [buildVaeDecoder(stableDiffusionV1.vae), 49_490_199],
  [buildVaeEncoder(stableDiffusionV1.vae), 34_163_664],
];

describe('the graphs of full Stable Diffusion v1', () => {
  for (const [graph, parameters] of originals) {
    test(`${graph.name} has the original's ${parameters.toLocaleString('en')} parameters`, () => {
      // Several weights may be made of one tensor.
      const tensors = new Map(graph.weights.flatMap(({ sources }) => sources.map(({ name, shape }) => [name, shape])));
      const counts = [...tensors.values()].map((shape) => shape.reduce((product, dim) => product * dim, 1));
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        parameters,
      );
    });

    test(`${graph.name} is a small file: its weights lie beside it`, () => {
      // Mostly names. The UNet's has factors for sums of rows, 0.7 MB; its weights are 4 GB.
      assert.ok(encodeOnnx(graph, 'weights').byteLength < 1_100_000);
    });
  }

  test('names follow the CompVis checkpoint', () => {
    const [unet] = originals;
    const names = new Set(unet?.[0].weights.flatMap(({ sources }) => sources.map(({ name }) => name)));
    for (const name of [
      'model.diffusion_model.input_blocks.0.0.weight',
      'model.diffusion_model.input_blocks.3.0.op.weight',
      'model.diffusion_model.input_blocks.11.0.out_layers.3.bias',
      'model.diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_out.0.weight',
      'model.diffusion_model.output_blocks.2.1.conv.weight',
      'model.diffusion_model.output_blocks.5.2.conv.weight',
      'model.diffusion_model.output_blocks.11.1.proj_out.weight',
      'model.diffusion_model.out.2.weight',
    ]) {
      assert.ok(names.has(name), name);
    }
  });
});
