import { FunctionError } from '../../errors.ts';
import type { ModelConfig } from '../../graphs/model-config.ts';
import { printable } from '../corrupt-file.ts';
import { type CheckpointFile, elementCount, type TensorInfo, type TensorSource } from '../tensor-source.ts';
import { type Delta, plainDelta } from './delta.ts';
import { foreignBase } from './foreign-base.ts';
import { planDelta } from './plan-delta.ts';
import { type LoraTarget, loraTargets } from './targets.ts';
import { parseLoraName } from './tensor-names.ts';

/** What a LoRA does to one weight of the model. */
export interface WeightChange {
  readonly network: LoraTarget['network'];
  /** The weight's name in the original layout. */
  readonly weight: string;
  /** @returns The delta, and what it is multiplied by: alpha / rank. */
  load(): Promise<{ delta: Delta; scale: number }>;
}

/** A LoRA file, held against a model: which weights it changes, and how. */
export interface Lora {
  readonly changes: readonly WeightChange[];
  /** Tensors that belong to no layer of the model, and change nothing. */
  readonly unusedTensors: number;
}

/**
 * Finds the layers that a LoRA, LoCon, LoHa or LoKr file changes, by kohya's, LyCORIS', diffusers' and PEFT's names.
 * Only names and shapes are read; the file must stay open for the changes to be loaded.
 * @param name What messages call it.
 * @throws FunctionError `invalid_input` for a file that is made for another kind of model, has a form that is not
 * supported, does not fit the model's layers, or is no LoRA.
 */
export function readLora(file: CheckpointFile, config: ModelConfig, name: string): Lora {
  const base = foreignBase(file, config.unet.context_dim);
  if (base !== undefined) throw refused(`The LoRA ${name} was made for ${base}: this model is Stable Diffusion v1.`);
  const modules = new Map<string, Map<string, TensorInfo>>();
  const targets = loraTargets(config);
  let unusedTensors = 0;
  for (const info of file.tensors.values()) {
    const parsed = parseLoraName(info.name);
    if (parsed === undefined || !targets.has(parsed.module)) {
      unusedTensors += 1;
      continue;
    }
    const parts = modules.get(parsed.module) ?? new Map<string, TensorInfo>();
    modules.set(parsed.module, parts.set(parsed.part, info));
  }
  if (modules.size === 0) {
    throw refused(`The LoRA ${name} has nothing for any layer of this model: is it a LoRA for Stable Diffusion v1?`);
  }
  const alphas = readAdapterAlphas(file, name);
  const changes = [...modules].flatMap(([module, parts]) => {
    const target = targets.get(module) as LoraTarget;
    return planModule(file, target, parts, alphas[target.network], (problem) =>
      refused(`The LoRA ${name} cannot be used with this model: its part ${printable(module)} ${problem}.`),
    );
  });
  return { changes, unusedTensors };
}

function planModule(
  file: TensorSource,
  { network, weight, shape, bias }: LoraTarget,
  parts: ReadonlyMap<string, TensorInfo>,
  adapterAlpha: number | undefined,
  refuse: (problem: string) => FunctionError,
): WeightChange[] {
  const plan = planDelta(parts, shape);
  if (typeof plan === 'string') throw refuse(plan);
  const [alpha, scale, biasDiff] = [parts.get('alpha'), parts.get('scale'), parts.get('diff_b')];
  if ([alpha, scale].some((part) => part !== undefined && elementCount(part.shape) !== 1)) {
    throw refuse('has an alpha that is not one number');
  }
  const readNumber = async (part: TensorInfo) => (await file.readFloat32(part.name))[0] as number;
  const readScale = async () => {
    if (scale !== undefined) return readNumber(scale);
    const numerator = alpha === undefined ? adapterAlpha : await readNumber(alpha);
    return plan.rank === undefined || numerator === undefined ? 1 : numerator / plan.rank;
  };
  const change = { network, weight, load: async () => ({ delta: await plan.load(file), scale: await readScale() }) };
  if (biasDiff === undefined) return [change];
  if (bias === undefined || elementCount(biasDiff.shape) !== shape[0]) throw refuse('has a bias that does not fit');
  const loadBias = async () => {
    const values = await file.readFloat32(biasDiff.name);
    return { delta: plainDelta({ rows: 1, columns: values.length, values }), scale: 1 };
  };
  return [change, { network, weight: bias, load: loadBias }];
}

/** PEFT keeps alpha with its settings, which diffusers notes in the file. */
function readAdapterAlphas({ metadata }: CheckpointFile, name: string): Partial<Record<LoraTarget['network'], number>> {
  const settings = parseJson(metadata?.get('lora_adapter_metadata'));
  const isSet = (value: unknown) =>
    value === true || (typeof value === 'object' && value !== null && Object.keys(value).length > 0);
  for (const key of ['alpha_pattern', 'use_rslora', 'use_dora']) {
    if (isSet(settings[`unet.${key}`]) || isSet(settings[`text_encoder.${key}`])) {
      throw refused(`The LoRA ${name} was made with ${key}, which is not supported.`);
    }
  }
  const alphaOf = (network: LoraTarget['network']) => {
    const alpha = settings[`${network}.lora_alpha`];
    return typeof alpha === 'number' && Number.isFinite(alpha) ? { [network]: alpha } : {};
  };
  return { ...alphaOf('unet'), ...alphaOf('text_encoder') };
}

function parseJson(text: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function refused(message: string): FunctionError {
  return new FunctionError('invalid_input', message);
}
