/** Numeric types a checkpoint may store its weights in, by their safetensors names, with bytes per element. */
export const elementBytes = { F32: 4, F16: 2, BF16: 2, F64: 8, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const;
export type ElementType = keyof typeof elementBytes;

export interface TensorInfo {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly byteLength: number;
}

/** A run of a tensor's elements, row-major, and where to put them. */
export interface ElementRun {
  /** From 0. */
  readonly start: number;
  readonly target: Float32Array;
}

/** Named tensors in a file, of which nothing is in memory but what is read. */
export interface TensorSource {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * Reads one tensor, or a run of its elements, as float32, row-major, whatever it is stored as.
   * @param run @defaultValue All elements, into new memory
   * @returns The run's target, filled.
   * @throws FunctionError `model_corrupt`, naming file and tensor, when the file lacks it, is cut short, or the tensor
   * holds a value that is no finite number.
   */
  readFloat32(name: string, run?: ElementRun): Promise<Float32Array>;
  close(): Promise<void>;
}

/** How a file stores its tensors. */
export type FileFormat = 'safetensors' | 'torch-zip' | 'torch-legacy';

/** The tensors of one file, or of the shards that stand for one, under the names the file gives them. */
export interface CheckpointFile extends TensorSource {
  readonly fileName: string;
  readonly format: FileFormat;
  /** The keys one goes through to reach the tensors: `['state_dict']`, or none. */
  readonly nesting: readonly string[];
  /** What the program that wrote the file noted in it; only safetensors files have such notes. */
  readonly metadata?: ReadonlyMap<string, string>;
}

/** How many elements a tensor of this shape has; a scalar's shape is empty. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

export function isElementType(name: string): name is ElementType {
  return Object.hasOwn(elementBytes, name);
}
