import type { Graph } from './graph-builder.ts';
import { GraphBuilder, type Value } from './graph-builder.ts';
import { attention, layerNorm, linear, quickGelu } from './layers.ts';
import type { TextEncoderConfig } from './model-config.ts';

/**
 * CLIP's text transformer (Radford et al. 2021, § 2.4), as Hugging Face's `CLIPTextModel` computes it:
 * `token_ids` int64 [batch, 77] → `prompt_embeddings` float32 [batch, 77, width], final layer norm applied.
 */
export function buildTextEncoder(config: TextEncoderConfig, prefix = 'cond_stage_model.transformer.text_model'): Graph {
  const g = new GraphBuilder('text_encoder');
  const { width, positions, layers } = config;
  const tokenIds = g.input('token_ids', 'int64', ['batch', positions]);

  const tokens = g.node('Gather', [
    g.weight(`${prefix}.embeddings.token_embedding.weight`, [config.vocab_size, width]),
    tokenIds,
  ]);
  const places = g.weight(`${prefix}.embeddings.position_embedding.weight`, [positions, width]);
  let x = g.node('Add', [tokens, places]); // [batch, 77, width]
  for (let layer = 0; layer < layers; layer += 1) {
    x = encoderLayer(g, `${prefix}.encoder.layers.${layer}`, x, config);
  }
  x = layerNorm(g, `${prefix}.final_layer_norm`, x, width);

  g.output(x, 'prompt_embeddings', 'float32', ['batch', positions, width]);
  return g.build();
}

function encoderLayer(g: GraphBuilder, prefix: string, x: Value, { width, heads, mlp }: TextEncoderConfig): Value {
  const normalized = layerNorm(g, `${prefix}.layer_norm1`, x, width);
  const project = (name: string) => linear(g, `${prefix}.self_attn.${name}_proj`, normalized, width, width);
  // A token sees itself and what came before it, never what follows.
  const attended = attention(g, project('q'), project('k'), project('v'), heads, true);
  const h = g.node('Add', [x, linear(g, `${prefix}.self_attn.out_proj`, attended, width, width)]);

  const hidden = quickGelu(
    g,
    linear(g, `${prefix}.mlp.fc1`, layerNorm(g, `${prefix}.layer_norm2`, h, width), width, mlp),
  );
  return g.node('Add', [h, linear(g, `${prefix}.mlp.fc2`, hidden, mlp, width)]);
}
