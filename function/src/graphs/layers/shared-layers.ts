/** Operators that are the same for every provider. */
import { type GraphBuilder, MICROSOFT_DOMAIN, type Value } from '../graph-builder.ts';

/** x · sigmoid(x): the fused kernel is QuickGelu with alpha 1. */
export function silu(g: GraphBuilder, x: Value): Value {
  return g.node('QuickGelu', [x], { alpha: { float: 1 } }, MICROSOFT_DOMAIN);
}

/** CLIP's activation, x · sigmoid(1.702 x). */
export function quickGelu(g: GraphBuilder, x: Value): Value {
  return g.node('QuickGelu', [x], { alpha: { float: 1.702 } }, MICROSOFT_DOMAIN);
}

/** Nearest-neighbour enlarging, by factors or to sizes, one for each axis. */
export function nearest(g: GraphBuilder, x: Value, to: { scales: Value } | { sizes: Value }): Value {
  const inputs = 'scales' in to ? [x, undefined, to.scales] : [x, undefined, undefined, to.sizes];
  return g.node('Resize', inputs, {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
}
