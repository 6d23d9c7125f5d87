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
   * @throws FunctionError `model_corrupt` when the file lacks it or is cut short.
   */
  readFloat32(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}
