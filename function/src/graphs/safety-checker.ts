import { clipLayer } from './clip-layer.ts';
import type { Graph, GraphBuilder, Value } from './graph-builder.ts';
import { createLayers } from './layers/create-layers.ts';
import type { Layers, Target } from './layers/layers.ts';
import type { SafetyCheckerConfig } from './model-config.ts';

const PREFIX = 'safety_checker';
const VISION = `${PREFIX}.vision_model.vision_model`;
/** As `torch.nn.functional.normalize` has it. */
const SMALLEST_NORM = 1e-12;

/**
 * The safety checker that came with Stable Diffusion v1 (diffusers' `StableDiffusionSafetyChecker`): CLIP's picture
 * transformer, and how close its embedding comes to those of concepts. `image` float32 [batch, 3, 224, 224], normalised as
 * CLIP wants it → `concept_cosines` [batch, 17] and `special_cosines` [batch, 3], beside `concept_thresholds` [17] and
 * `special_thresholds` [3], which the checkpoint holds. Cosines and thresholds are float32 for every target.
 */
export function buildSafetyChecker(config: SafetyCheckerConfig, target: Target = 'cpu'): Graph {
  const layers = createLayers(target, 'safety_checker');
  const { g } = layers;
  const { image_size, width, heads, mlp, projection } = config;
  const image = g.input('image', 'float32', ['batch', 3, image_size, image_size]);

  let x = layers.layerNorm(`${VISION}.pre_layrnorm`, embedPatches(layers, image, config), width); // as CLIP spells it
  for (let layer = 0; layer < config.layers; layer += 1) {
    x = clipLayer(layers, x, { prefix: `${VISION}.encoder.layers.${layer}`, width, heads, mlp, causal: false });
  }
  const first = g.node('Gather', [x, g.constant('first', BigInt64Array.of(0n), [])], { axis: 1 }); // [batch, width]
  const pooled = layers.layerNorm(`${VISION}.post_layernorm`, first, width);
  const matrix = { name: `${PREFIX}.visual_projection.weight`, shape: [projection, width] };
  const embedding = unitLength(g, layers.toFloat32(layers.project(pooled, matrix, projection)));

  for (const [kind, weights, count] of [
    ['concept', 'concept_embeds', config.concepts],
    ['special', 'special_care_embeds', config.special_concepts],
  ] as const) {
    const concepts = unitLength(g, g.weight(`${PREFIX}.${weights}`, [count, projection]));
    const cosines = g.node('MatMul', [embedding, g.node('Transpose', [concepts], { perm: [1, 0] })]);
    g.output(cosines, `${kind}_cosines`, 'float32', ['batch', count]);
    g.output(g.weight(`${PREFIX}.${weights}_weights`, [count]), `${kind}_thresholds`, 'float32', [count]);
  }
  return g.build();
}

/** A picture in squares, each a token, behind the token that gathers what they say: [batch, 1 + squares, width]. */
function embedPatches(layers: Layers, image: Value, { image_size, patch_size, width }: SafetyCheckerConfig): Value {
  const { g } = layers;
  const grid = image_size / patch_size;
  const inputs = 3 * patch_size * patch_size;
  // A convolution whose kernels do not overlap is a matrix product of the squares.
  const cut = g.node('Reshape', [image, g.integers(0, 3, grid, patch_size, grid, patch_size)]);
  const ordered = g.node('Transpose', [cut], { perm: [0, 2, 4, 1, 3, 5] });
  const patches = layers.toWorkingPrecision(g.node('Reshape', [ordered, g.integers(0, grid * grid, inputs)]));
  const name = `${VISION}.embeddings`;
  const kernels = { name: `${name}.patch_embedding.weight`, shape: [width, 3, patch_size, patch_size] };
  const squares = layers.project(patches, kernels, width);

  const batch = g.node('Shape', [image], { start: 0, end: 1 });
  const shape = g.node('Concat', [batch, g.integers(1, width)], { axis: 0 });
  const gathering = g.node('Expand', [layers.weight(`${name}.class_embedding`, [width]), shape]);
  const places = layers.weight(`${name}.position_embedding.weight`, [grid * grid + 1, width]);
  return g.node('Add', [g.node('Concat', [gathering, squares], { axis: 1 }), places]);
}

/** Rows of length 1. */
function unitLength(g: GraphBuilder, rows: Value): Value {
  const norm = g.node('ReduceL2', [rows, g.integers(-1)], { keepdims: 1 });
  const smallest = g.constant('smallest_norm', Float32Array.of(SMALLEST_NORM));
  return g.node('Div', [rows, g.node('Max', [norm, smallest])]);
}
