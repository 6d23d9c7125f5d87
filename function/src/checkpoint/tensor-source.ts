/** Numeric types a checkpoint may store its weights in, by their safetensors names, with bytes per element. */
export const elementBytes = { F32: 4, F16: 2, BF16: 2, F64: 8, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const;
export type ElementType = keyof typeof elementBytes;

export interface TensorInfo {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly byteLength: number;
}

/** Named tensors in a file. Only one tensor at a time is ever in memory. */
export interface TensorSource {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * Reads one tensor as float32, row-major, whatever it is stored as.
   * @param memory Where to put the values, if it is large enough: reading tensor after tensor into the same memory is
   * twice as fast, but each result lasts only until the next is read. @defaultValue New memory
   * @throws FunctionError `model_corrupt`, naming file and tensor, when the file lacks it, is cut short, or the tensor
   * holds a value that is no finite number.
   */
  readFloat32(name: string, memory?: ArrayBuffer): Promise<Float32Array>;
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
}

/** How many elements a tensor of this shape has; a scalar's shape is empty. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

export function isElementType(name: string): name is ElementType {
  return Object.hasOwn(elementBytes, name);
}
