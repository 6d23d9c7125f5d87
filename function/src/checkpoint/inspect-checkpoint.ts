import { basename } from 'node:path';
import { FunctionError } from '../errors.ts';
import type { ModelConfig } from '../graphs/model-config.ts';
import type { CanonicalWeights } from './layout/canonical-weights.ts';
import { checkWeights } from './layout/check-weights.ts';
import { type CheckpointComponent, checkpointComponents, componentOf } from './layout/component.ts';
import { recognizeForeign } from './layout/foreign-models.ts';
import { chooseWeights, configOf } from './open-checkpoint.ts';
import { type CheckpointOptions, closeParts, openParts } from './open-parts.ts';
import { type ElementType, elementCount, type FileFormat } from './tensor-source.ts';

export interface ComponentSummary {
  readonly tensors: number;
  readonly parameters: number;
}

/** What a checkpoint is, and what keeps it from being used. */
export interface CheckpointSummary {
  /** `Stable Diffusion v1`, `Stable Diffusion v1 inpainting`, or what else it is, with its article. */
  readonly kind: string;
  readonly layout: 'compvis' | 'diffusers';
  readonly files: readonly { readonly name: string; readonly format: FileFormat }[];
  /** Keys of the file that lead to its tensors, as in `['state_dict']`. */
  readonly nesting: readonly string[];
  /** Parameters of the model by the type they are stored in. */
  readonly dtypes: Readonly<Partial<Record<ElementType, number>>>;
  readonly components: Readonly<Record<CheckpointComponent, ComponentSummary>>;
  /** Channels of the UNet's input: 4, or 9 for inpainting; undefined where there is no UNet. */
  readonly inChannels: number | undefined;
  readonly hasEma: boolean;
  /** Canonical names of the weights it lacks. */
  readonly missing: readonly string[];
  /** Names, as in the file, of tensors that are not used: noise schedules, losses, other programs' additions. */
  readonly extra: readonly string[];
  readonly config: ModelConfig | undefined;
  /** Why `openCheckpoint` refuses it; undefined when it does not. */
  readonly problem: string | undefined;
}

/**
 * Says what a checkpoint is, also when it is incomplete or of another kind. No weight is read.
 * @throws FunctionError `model_corrupt` when a file is damaged; `invalid_input` when there is nothing to inspect.
 */
export async function inspectCheckpoint(path: string, options: CheckpointOptions = {}): Promise<CheckpointSummary> {
  const opened = await openParts(path, options);
  try {
    const { parts, layout, settings } = opened;
    const collected = chooseWeights(opened, options);
    const foreign = parts.map(recognizeForeign).find((model) => model !== undefined);
    const { config, ...judged } = judge(collected, () => configOf(collected, settings, basename(path)));
    const inChannels = collected.weights.get('model.diffusion_model.input_blocks.0.0.weight')?.info.shape[1];
    const problem = foreign === undefined ? judged.problem : `is ${foreign}`;
    return {
      kind: foreign ?? `Stable Diffusion v1${inChannels === 9 ? ' inpainting' : ''}`,
      layout,
      files: parts.map(({ file }) => ({ name: file.fileName, format: file.format })),
      nesting: parts[0]?.file.nesting ?? [],
      ...countParameters(collected),
      inChannels,
      hasEma: collected.hasEma,
      missing: judged.missing,
      extra: [...collected.extra, ...judged.surplus],
      config,
      problem: problem === undefined ? undefined : `${basename(path)} ${problem}.`,
    };
  } finally {
    await closeParts(opened.parts);
  }
}

function judge(collected: CanonicalWeights, createConfig: () => ModelConfig) {
  try {
    const config = createConfig();
    return { config, ...checkWeights(collected, config) };
  } catch (error) {
    if (!(error instanceof FunctionError)) throw error;
    return { config: undefined, missing: [], surplus: [], problem: 'has shapes that no v1 model has' };
  }
}

function countParameters({ weights }: CanonicalWeights): Pick<CheckpointSummary, 'components' | 'dtypes'> {
  const components = Object.fromEntries(
    checkpointComponents.map((component) => [component, { tensors: 0, parameters: 0 }]),
  ) as Record<CheckpointComponent, { tensors: number; parameters: number }>;
  const dtypes: Partial<Record<ElementType, number>> = {};
  for (const { info } of weights.values()) {
    const parameters = elementCount(info.shape);
    dtypes[info.type] = (dtypes[info.type] ?? 0) + parameters;
    const component = componentOf(info.name);
    if (component === undefined) continue;
    components[component].tensors += 1;
    components[component].parameters += parameters;
  }
  return { components, dtypes };
}
