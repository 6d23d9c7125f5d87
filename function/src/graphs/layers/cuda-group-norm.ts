import { type GraphBuilder, MICROSOFT_DOMAIN, type Value } from '../graph-builder.ts';
import { conv, halfWeight, toFloat16, toFloat32 } from './cuda-primitives.ts';
import { type ConvThenNormOptions, GROUPS, type GroupNormOptions } from './layers.ts';
import { silu } from './shared-layers.ts';

/** ONNX Runtime's kernels read channels in pairs, so a group must have an even number of them. */
const hasKernel = (channels: number) => (channels / GROUPS) % 2 === 0;

/** Gamma and beta are float32 whatever the precision. */
const normWeights = (g: GraphBuilder, prefix: string, channels: number) =>
  [g.weight(`${prefix}.weight`, [channels]), g.weight(`${prefix}.bias`, [channels])] as const;

const normAttributes = ({ epsilon, silu: activation }: GroupNormOptions) => ({
  epsilon: { float: epsilon },
  groups: GROUPS,
  activation: activation ? 1 : 0,
});

export function groupNorm(
  g: GraphBuilder,
  prefix: string,
  x: Value,
  channels: number,
  options: GroupNormOptions,
): Value {
  if (!hasKernel(channels)) return composedGroupNorm(g, prefix, x, channels, options);
  return g.node('GroupNorm', [x, ...normWeights(g, prefix, channels)], normAttributes(options), MICROSOFT_DOMAIN);
}

/** The same from standard operators, in float32. */
function composedGroupNorm(
  g: GraphBuilder,
  prefix: string,
  x: Value,
  channels: number,
  options: GroupNormOptions,
): Value {
  const [gamma, beta] = normWeights(g, prefix, channels);
  const grouped = g.node('Reshape', [toFloat32(g, x), g.integers(0, -1, GROUPS, channels / GROUPS)]);
  const placesAndChannels = g.integers(1, 3);
  const centred = g.node('Sub', [grouped, g.node('ReduceMean', [grouped, placesAndChannels])]);
  const variance = g.node('ReduceMean', [g.node('Mul', [centred, centred]), placesAndChannels]);
  const epsilon = g.constant(`epsilon.${options.epsilon}`, Float32Array.of(options.epsilon));
  const deviation = g.node('Sqrt', [g.node('Add', [variance, epsilon])]);
  const normalized = g.node('Reshape', [g.node('Div', [centred, deviation]), g.node('Shape', [x])]);
  const scaled = toFloat16(g, g.node('Add', [g.node('Mul', [normalized, gamma]), beta]));
  return options.silu ? silu(g, scaled) : scaled;
}

export function convThenNorm(g: GraphBuilder, x: Value, options: ConvThenNormOptions): Value {
  const { norm, inputs, outputs, epsilon, shift } = options;
  const normOptions = { epsilon, silu: true };
  if (shift !== undefined && hasKernel(outputs)) {
    // One kernel adds bias and shift, normalises and activates.
    const convolved = conv(g, options.conv, x, inputs, outputs, { kernel: 3, bias: false });
    const bias = halfWeight(g, `${options.conv}.bias`, [outputs]);
    const addends = [convolved, ...normWeights(g, norm, outputs), shift, bias];
    return g.node('SkipGroupNorm', addends, normAttributes(normOptions), MICROSOFT_DOMAIN);
  }
  const convolved = conv(g, options.conv, x, inputs, outputs, { kernel: 3 });
  const shifted =
    shift === undefined ? convolved : g.node('Add', [convolved, g.node('Unsqueeze', [shift, g.integers(1, 2)])]);
  return groupNorm(g, norm, shifted, outputs, normOptions);
}
