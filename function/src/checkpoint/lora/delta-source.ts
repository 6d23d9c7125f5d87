import { setImmediate } from 'node:timers/promises';
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
  /** Whether there is anything to add to this tensor. */
  changes(name: string): boolean;
  /** Adds to a run of the tensor's elements. The sum of all deltas is rounded once, to float32, and then added. */
  add(name: string, run: ElementRun): Promise<void>;
  /** The deltas themselves: zeroes where there is nothing to add. Closing it does nothing. */
  readonly tensors: TensorSource;
}

/** Other work gets its turn so often. */
const TURN_MS = 20;

/** @param shapes Of the model's tensors. */
export function createDeltaSource(
  loras: readonly WeightedLora[],
  shapes: ReadonlyMap<string, readonly number[]>,
): DeltaSource {
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
    changes: (name) => changes.has(name),
    async add(name, { start, target }) {
      if (!changes.has(name)) return;
      const deltas = await readRun(name, { start, target: new Float32Array(target.length) });
      for (let i = 0; i < target.length; i += 1) target[i] = (target[i] as number) + (deltas[i] as number);
    },
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
