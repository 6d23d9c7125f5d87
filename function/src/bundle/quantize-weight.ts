/** One that numbers can be put into. */
type NumberArray = { readonly length: number; [index: number]: number };

/** The largest int8 that has a negative as large. */
const LARGEST = 127;
/** Outputs that are written side by side: a cache line of them. */
const BLOCK = 64;

/** The scale of each output of a weight [outputs, …], by which its largest value is 127; 1 for an output of zeros. */
export function quantizationScales(values: Float32Array, scales: NumberArray): void {
  const outputs = scales.length;
  const length = values.length / outputs;
  for (let output = 0; output < outputs; output += 1) {
    let largest = 0;
    for (let i = output * length; i < (output + 1) * length; i += 1) {
      largest = Math.max(largest, Math.abs(values[i] as number));
    }
    const scale = Math.fround(largest / LARGEST);
    scales[output] = scale === 0 ? 1 : scale;
  }
}

/**
 * A weight [outputs, inputs, …], or a matrix [outputs, inputs], in int8 columns [… · inputs, outputs]: the nearest multiples of each
 * output's scale.
 */
export function quantizeColumns(values: Float32Array, shape: readonly number[], columns: NumberArray): void {
  const [outputs = 1, inputs = 1] = shape;
  const length = values.length / outputs;
  const places = length / inputs;
  const scales = new Float32Array(outputs);
  quantizationScales(values, scales);
  for (let block = 0; block < outputs; block += BLOCK) {
    const end = Math.min(block + BLOCK, outputs);
    for (let i = 0; i < length; i += 1) {
      const row = (i % places) * inputs + Math.floor(i / places);
      for (let output = block; output < end; output += 1) {
        columns[row * outputs + output] = Math.round(
          (values[output * length + i] as number) / (scales[output] as number),
        );
      }
    }
  }
}
