import { setImmediate } from 'node:timers/promises';
import { FunctionError } from '../../errors.ts';
import type { ModelConfig } from '../../graphs/model-config.ts';
import { expectedWeights } from '../layout/expected-weights.ts';
import { type ElementRun, elementCount, type TensorInfo, type TensorSource } from '../tensor-source.ts';
import type { Delta } from './delta.ts';
import type { Lora, WeightChange } from './read-lora.ts';

/** A LoRA and how strongly it counts in each network. */
export interface WeightedLora {
  readonly lora: Lora;
  readonly unetWeight: number;
  readonly textEncoderWeight: number;
}

/** What several LoRAs together add to a model's tensors, under their names in the original layout. */
export interface DeltaSource {
  /** Whether nothing is added to any tensor: all weights are 0. */
  readonly isEmpty: boolean;
  /** Whether there is anything to add to this tensor. */
  changes(name: string): boolean;
  /** The deltas themselves: zeroes where there is nothing to add. Closing it does nothing. */
  readonly tensors: TensorSource;
}

/** Other work gets its turn so often. */
const TURN_MS = 20;

export function createDeltaSource(loras: readonly WeightedLora[], config: ModelConfig): DeltaSource {
  const shapes = expectedWeights(config);
  const changes = new Map<string, { change: WeightChange; weight: number }[]>();
  for (const { lora, unetWeight, textEncoderWeight } of loras) {
    for (const change of lora.changes) {
      const weight = change.network === 'unet' ? unetWeight : textEncoderWeight;
      if (weight !== 0) changes.set(change.weight, [...(changes.get(change.weight) ?? []), { change, weight }]);
    }
  }
  /** Of the weight that was asked for last: weights are read run by run, in order. */
  let loaded: { name: string; deltas: { delta: Delta; scale: number }[] } | undefined;

  async function load(name: string) {
    if (loaded?.name === name) return loaded.deltas;
    loaded = undefined;
    const deltas: { delta: Delta; scale: number }[] = [];
    for (const { change, weight } of changes.get(name) ?? []) {
      const { delta, scale } = await change.load();
      deltas.push({ delta, scale: scale * weight });
    }
    loaded = { name, deltas };
    return deltas;
  }

  async function readRun(name: string, { start, target }: ElementRun): Promise<Float32Array> {
    const shape = shapes.get(name) ?? [];
    const deltas = await load(name);
    const columns = shape.length === 1 ? elementCount(shape) : elementCount(shape.slice(1));
    const sum = new Float64Array(columns);
    let turnEnds = performance.now() + TURN_MS;
    for (let filled = 0; filled < target.length; ) {
      const row = Math.floor((start + filled) / columns);
      const offset = (start + filled) % columns;
      sum.fill(0);
      for (const { delta, scale } of deltas) delta.addRow(row, scale, sum);
      const part = sum.subarray(offset, offset + target.length - filled);
      target.set(part, filled);
      filled += part.length;
      if (performance.now() > turnEnds) {
        await setImmediate();
        turnEnds = performance.now() + TURN_MS;
      }
    }
    return target;
  }

  const infos = [...shapes].map(([name, shape]): [string, TensorInfo] => [
    name,
    { name, type: 'F32', shape, byteLength: 4 * elementCount(shape) },
  ]);
  return {
    isEmpty: changes.size === 0,
    changes: (name) => changes.has(name),
    tensors: {
      tensors: new Map(infos),
      async readFloat32(name, run = { start: 0, target: new Float32Array(elementCount(shapes.get(name) ?? [])) }) {
        if (!changes.has(name)) return run.target.fill(0);
        return readRun(name, run);
      },
      close: async () => undefined,
    },
  };
}

/** A checkpoint with the deltas added to its tensors, in float32. @throws FunctionError `invalid_input` where a sum overflows. */
export function withDeltas(checkpoint: TensorSource, deltas: DeltaSource): TensorSource {
  return {
    tensors: checkpoint.tensors,
    async readFloat32(name, run) {
      const values = await checkpoint.readFloat32(name, run);
      if (!deltas.changes(name)) return values;
      const start = run?.start ?? 0;
      const added = await deltas.tensors.readFloat32(name, { start, target: new Float32Array(values.length) });
      for (let i = 0; i < values.length; i += 1) {
        values[i] = (values[i] as number) + (added[i] as number);
        if (!Number.isFinite(values[i])) throw tooLarge(name);
      }
      return values;
    },
    close: () => checkpoint.close(),
  };
}

function tooLarge(name: string): FunctionError {
  return new FunctionError(
    'invalid_input',
    `With the LoRAs, ${name} has values that are not finite: use smaller weights.`,
  );
}
