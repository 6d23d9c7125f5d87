import { corruptFile } from '../corrupt-file.ts';
import { isDict, isTensor, type PickleDict, type PickleValue, type TensorReference } from '../pickle/pickle-values.ts';

export interface StateDict {
  readonly tensors: ReadonlyMap<string, TensorReference>;
  /** The keys that led to it. */
  readonly nesting: readonly string[];
}

/** Keys under which a file keeps what it is for, whatever else it holds: a checkpoint's weights, an embedding's vectors. */
const CONTENT_KEYS = ['state_dict', 'string_to_param'];
/** Both far more than any file has; a hostile one could send the search round and round. */
const MAX_NESTING = 4;
const MAX_CANDIDATES = 64;

/**
 * Finds the weights in what a file holds: under one of the keys that are usual, however often nested, or in the dictionary itself, or in
 * whichever of its dictionaries has most tensors.
 */
export function findStateDict(root: PickleValue, fileName: string): StateDict {
  if (!isDict(root)) throw corruptFile(fileName, 'it holds no dictionary of tensors');
  let dict = root;
  const nesting: string[] = [];
  while (nesting.length < MAX_NESTING) {
    const key = CONTENT_KEYS.find((content) => isDict(dict.get(content)));
    if (key === undefined) break;
    dict = dict.get(key) as PickleDict;
    nesting.push(key);
  }
  const tensors = tensorsOf(dict);
  if (tensors.size > 0) return { tensors, nesting };

  let best: StateDict = { tensors, nesting };
  for (const [key, inner] of nestedDicts(dict)) {
    const candidate = tensorsOf(inner);
    if (candidate.size > best.tensors.size) best = { tensors: candidate, nesting: [...nesting, key] };
  }
  if (best.tensors.size === 0) throw corruptFile(fileName, 'it holds no tensors');
  return best;
}

function tensorsOf(dict: PickleDict): Map<string, TensorReference> {
  const tensors = new Map<string, TensorReference>();
  for (const [key, value] of dict) if (typeof key === 'string' && isTensor(value)) tensors.set(key, value);
  return tensors;
}

function nestedDicts(dict: PickleDict): [string, PickleDict][] {
  const nested: [string, PickleDict][] = [];
  for (const [key, value] of dict) {
    if (nested.length === MAX_CANDIDATES) break;
    if (typeof key === 'string' && isDict(value)) nested.push([key, value]);
  }
  return nested;
}
