import { stableDiffusionV1 } from '../../function/src/graphs/model-config.ts';
import { buildUnet } from '../../function/src/graphs/unet.ts';
import { uniformValues } from '../full-size/random-values.ts';
import type { TensorData, Tensors } from '../function/checkpoint/checkpoint-writer.ts';

const PREFIX = 'model.diffusion_model.';

/**
 * The embedded model's tensors with another UNet, of one level and random weights, and as wide as those that the CPU convolves by
 * Winograd's algorithm.
 */
export function widenUnet(tensors: Tensors): Map<string, TensorData> {
  const config = {
    ...stableDiffusionV1.unet,
    model_channels: 256,
    channel_mult: [1],
    attention_resolutions: [1],
    num_res_blocks: 1,
    context_dim: tensors.get(`${PREFIX}middle_block.1.transformer_blocks.0.attn2.to_k.weight`)?.shape[1] ?? 0,
  };
  const others = [...tensors].filter(([name]) => !name.startsWith(PREFIX));
  const own = buildUnet(config).weights.flatMap(({ sources }) =>
    sources.map(({ name, shape }): [string, TensorData] => {
      const values = uniformValues(
        name,
        shape.reduce((product, dim) => product * dim, 1),
        0.1,
      );
      return [name, { type: 'F32', shape, bytes: new Uint8Array(values.buffer) }];
    }),
  );
  return new Map([...others, ...own]);
}
