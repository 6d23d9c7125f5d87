import { clipLayer } from './clip-layer.ts';
import type { Graph, Value } from './graph-builder.ts';
import { createLayers } from './layers/create-layers.ts';
import type { Layers, Target } from './layers/layers.ts';
import type { TextEncoderConfig } from './model-config.ts';

const PREFIX = 'cond_stage_model.transformer.text_model';

/**
 * CLIP's text transformer (Radford et al. 2021, § 2.4), as Hugging Face's `CLIPTextModel` computes it:
 * `token_ids` int64 [batch, 77] → `prompt_embeddings` float32 [batch, 77, width], final layer norm applied. For clip skip
 * also `hidden_state` int64 [1] → `skipped_embeddings`, the same from the input of layer `hidden_state`: a way of its own,
 * as the first one is not to change by a bit. Ids from the vocabulary's size on stand for the rows of `custom_embeddings`
 * float32 [rows, width], which has at least one.
 */
export function buildTextEncoder(config: TextEncoderConfig, target: Target = 'cpu'): Graph {
  const layers = createLayers(target, 'text_encoder');
  const { g } = layers;
  const { width, positions } = config;
  const tokenIds = g.input('token_ids', 'int64', ['batch', positions]);
  const hiddenState = g.input('hidden_state', 'int64', [1]);
  const custom = layers.toWorkingPrecision(g.input('custom_embeddings', 'float32', ['rows', width]));

  const places = layers.weight(`${PREFIX}.embeddings.position_embedding.weight`, [positions, width]);
  let x = g.node('Add', [embedTokens(layers, tokenIds, custom, config), places]); // [batch, 77, width]
  const hiddenStates: Value[] = [];
  for (let layer = 0; layer < config.layers; layer += 1) {
    hiddenStates.push(g.node('Unsqueeze', [x, g.integers(0)]));
    const prefix = `${PREFIX}.encoder.layers.${layer}`;
    x = clipLayer(layers, x, { prefix, width, heads: config.heads, mlp: config.mlp, causal: true });
  }
  x = layers.layerNorm(`${PREFIX}.final_layer_norm`, x, width);
  const chosen = g.node('Gather', [g.node('Concat', hiddenStates, { axis: 0 }), hiddenState], { axis: 0 });
  const skipped = layers.layerNorm(`${PREFIX}.final_layer_norm`, g.node('Squeeze', [chosen, g.integers(0)]), width);

  g.output(layers.toFloat32(x), 'prompt_embeddings', 'float32', ['batch', positions, width]);
  g.output(layers.toFloat32(skipped), 'skipped_embeddings', 'float32', ['batch', positions, width]);
  return g.build();
}

/** Rows of the model's own table, and of the custom one for ids beyond it. */
function embedTokens(layers: Layers, tokenIds: Value, custom: Value, { vocab_size, width }: TextEncoderConfig): Value {
  const { g } = layers;
  const table = layers.weight(`${PREFIX}.embeddings.token_embedding.weight`, [vocab_size, width]);
  const size = g.integers(vocab_size);
  const known = g.node('Gather', [table, g.node('Min', [tokenIds, g.integers(vocab_size - 1)])]);
  const added = g.node('Gather', [custom, g.node('Max', [g.node('Sub', [tokenIds, size]), g.integers(0)])]);
  const isKnown = g.node('Unsqueeze', [g.node('Less', [tokenIds, size]), g.integers(-1)]);
  return g.node('Where', [isKnown, known, added]);
}
