import { printable } from '../corrupt-file.ts';
import type { PickleMachine } from './pickle-machine.ts';
import {
  type GlobalReference,
  isDict,
  isGlobal,
  isIndex,
  isStorage,
  isTensor,
  kindOf,
  type PickleDict,
  type PickleValue,
} from './pickle-values.ts';

type GlobalCall = (machine: PickleMachine, args: readonly PickleValue[]) => PickleValue;

/** No string that a checkpoint encodes is longer than a number of numpy's. */
const LONGEST_ENCODED = 1024;
const MAX_DIMS = 8;

/**
 * Every Python callable a pickle may name to be called, and what it builds instead. Each does with plain data what is
 * left of its original once nothing may act: these are what published checkpoints and their training state call.
 */
const allowed = new Map<string, GlobalCall>([
  ['collections.OrderedDict', orderedDict],
  ['torch._utils._rebuild_tensor', rebuildTensor],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_parameter', rebuildParameter],
  ['torch._utils._rebuild_parameter_with_state', rebuildParameter],
  ['torch.nn.modules.container.ParameterDict', () => new Map()],
  ['torch.Size', firstArgument],
  ['torch.device', firstArgument],
  ['__builtin__.set', firstArgument],
  ['builtins.set', firstArgument],
  ['_codecs.encode', encodeLatin1],
  ['numpy.dtype', numpyType],
  ['numpy.core.multiarray.scalar', numpyScalar],
  ['numpy._core.multiarray.scalar', numpyScalar],
  ['numpy.core.multiarray._reconstruct', () => ({ kind: 'inert' })],
  ['numpy._core.multiarray._reconstruct', () => ({ kind: 'inert' })],
]);

/** @throws FunctionError `model_corrupt` naming the global, unless it is one of the few that build plain data. */
export function callGlobal(machine: PickleMachine, callee: GlobalReference, args: readonly PickleValue[]): PickleValue {
  const build = allowed.get(callee.name);
  if (build === undefined) throw refuseGlobal(machine, callee);
  return build(machine, args);
}

/** What Python would do with `__setstate__` or `__dict__`: only for what was built here. */
export function setState(machine: PickleMachine, target: PickleValue, state: PickleValue): void {
  if (isGlobal(target)) throw refuseGlobal(machine, target);
  if (isDict(target)) {
    // A state dict carries its `_metadata`, which is no tensor; a ParameterDict carries what it holds.
    const parameters = isDict(state) ? state.get('_parameters') : undefined;
    if (isDict(parameters)) addItems(machine, target, parameters);
    return;
  }
  const kind = kindOf(target);
  if (kind !== 'numpy-type' && kind !== 'inert') throw machine.fail('gives state to what has none');
  if (kind === 'numpy-type' && Array.isArray(state) && state[1] === '>') throw machine.fail('is big-endian');
}

export function refuseGlobal(machine: PickleMachine, { name }: GlobalReference): Error {
  return machine.fail(
    `calls ${printable(name)}, which is refused: a checkpoint needs no such call, and it may do harm. ` +
      'If you trust the file, convert it to .safetensors where it was made',
  );
}

function addItems(machine: PickleMachine, target: PickleDict, items: PickleDict): void {
  machine.spend(items.size);
  for (const [key, value] of items) target.set(key, value);
}

function orderedDict(machine: PickleMachine, [pairs = []]: readonly PickleValue[]): PickleValue {
  if (!Array.isArray(pairs)) throw machine.fail('has a malformed OrderedDict');
  machine.spend(pairs.length);
  const dict: PickleDict = new Map();
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) throw machine.fail('has a malformed OrderedDict');
    dict.set(pair[0] as PickleValue, pair[1] as PickleValue);
  }
  return dict;
}

/** `(storage, offset, shape, strides, …)`: what follows is about gradients. */
function rebuildTensor(machine: PickleMachine, args: readonly PickleValue[]): PickleValue {
  const [storage, offset, shape, strides] = args;
  if (!isStorage(storage) || !isIndex(offset) || !isDims(shape) || !isDims(strides)) {
    throw machine.fail('has a malformed tensor');
  }
  if (shape.length !== strides.length) throw machine.fail('has a tensor whose strides do not fit its shape');
  // Copied: a list can be appended to after it was checked.
  return { kind: 'tensor', storage, offset, shape: [...shape], strides: [...strides] };
}

function isDims(value: PickleValue | undefined): value is number[] {
  return Array.isArray(value) && value.length <= MAX_DIMS && value.every(isIndex);
}

function rebuildParameter(machine: PickleMachine, [data]: readonly PickleValue[]): PickleValue {
  if (!isTensor(data)) throw machine.fail('has a malformed parameter');
  return data;
}

function firstArgument(machine: PickleMachine, args: readonly PickleValue[]): PickleValue {
  const [value] = args;
  if (value === undefined) return [];
  if (kindOf(value) !== undefined) throw machine.fail('builds a value from what is none');
  return value;
}

/** How protocol 2 writes bytes: as a string whose characters are the bytes. */
function encodeLatin1(machine: PickleMachine, [text, encoding]: readonly PickleValue[]): PickleValue {
  if (typeof text !== 'string' || encoding !== 'latin1' || text.length > LONGEST_ENCODED) {
    throw machine.fail('has malformed bytes');
  }
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

function numpyType(machine: PickleMachine, [name]: readonly PickleValue[]): PickleValue {
  if (typeof name !== 'string') throw machine.fail('has a malformed numpy type');
  return { kind: 'numpy-type', name };
}

/** A number of the training's state, such as the best loss so far: kept where it is a float64 or int64, else inert. */
function numpyScalar(_machine: PickleMachine, [type, bytes]: readonly PickleValue[]): PickleValue {
  if (!(bytes instanceof Uint8Array) || bytes.length !== 8) return { kind: 'inert' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const name = kindOf(type) === 'numpy-type' ? (type as { name: string }).name : undefined;
  if (name === 'f8') return view.getFloat64(0, true);
  if (name === 'i8') return Number(view.getBigInt64(0, true));
  return { kind: 'inert' };
}
