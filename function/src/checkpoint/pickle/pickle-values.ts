import type { ElementType } from '../tensor-source.ts';

/**
 * What a pickle can hold here: plain data. A tuple is an array like a list; nothing in this union can act.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | PickleDict
  | GlobalReference
  | StorageReference
  | TensorReference
  | NumpyType
  | Inert;

export type PickleDict = Map<PickleValue, PickleValue>;

/** The name of a Python class or function. Real checkpoints have some as dictionary keys; none is ever looked up. */
export interface GlobalReference {
  readonly kind: 'global';
  /** Module and name, as in `os.system`. */
  readonly name: string;
}

/** A run of numbers outside the pickle that tensors are views of. */
export interface StorageReference {
  readonly kind: 'storage';
  readonly key: string;
  readonly type: ElementType;
  /** Elements in the whole storage. */
  readonly rootLength: number;
  /** The part this refers to, in elements: all of it but in very old files. */
  readonly start: number;
  readonly length: number;
}

/** A view of a storage. Nothing about it is checked yet. */
export interface TensorReference {
  readonly kind: 'tensor';
  readonly storage: StorageReference;
  /** In elements, from the storage's own start. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export interface NumpyType {
  readonly kind: 'numpy-type';
  /** As numpy spells it: `f8`. */
  readonly name: string;
}

/** Something harmless that no checkpoint needs, such as a numpy array of the training's state. */
export interface Inert {
  readonly kind: 'inert';
}

/** What a value is, where that is not plain data. */
export function kindOf(value: PickleValue | undefined): string | undefined {
  return typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
}

export function isDict(value: PickleValue | undefined): value is PickleDict {
  return value instanceof Map;
}

export function isTensor(value: PickleValue | undefined): value is TensorReference {
  return kindOf(value) === 'tensor';
}

export function isStorage(value: PickleValue | undefined): value is StorageReference {
  return kindOf(value) === 'storage';
}

export function isGlobal(value: PickleValue | undefined): value is GlobalReference {
  return kindOf(value) === 'global';
}

/** A size, an offset: a whole number from 0 on. */
export function isIndex(value: PickleValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
