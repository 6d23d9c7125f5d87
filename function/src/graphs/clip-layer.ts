import type { Value } from './graph-builder.ts';
import type { Layers } from './layers/layers.ts';

export interface ClipLayerOptions {
  /** Module name in the checkpoint. */
  prefix: string;
  width: number;
  heads: number;
  /** Width of the hidden layer of the perceptron. */
  mlp: number;
  /** Whether a token sees itself and what came before it, never what follows. */
  causal: boolean;
}

/** A layer of CLIP's transformers (Radford et al. 2021, § 2.4), for text and for pictures: [n, tokens, width], the same out. */
export function clipLayer(layers: Layers, x: Value, { prefix, width, heads, mlp, causal }: ClipLayerOptions): Value {
  const { g } = layers;
  const normalized = layers.layerNorm(`${prefix}.layer_norm1`, x, width);
  const project = (name: string) => layers.linear(`${prefix}.self_attn.${name}_proj`, normalized, width, width);
  const attended = layers.attention(project('q'), project('k'), project('v'), heads, causal);
  const h = g.node('Add', [x, layers.linear(`${prefix}.self_attn.out_proj`, attended, width, width)]);

  const hidden = layers.linear(`${prefix}.mlp.fc1`, layers.layerNorm(`${prefix}.layer_norm2`, h, width), width, mlp);
  return g.node('Add', [h, layers.linear(`${prefix}.mlp.fc2`, layers.quickGelu(hidden), mlp, width)]);
}
