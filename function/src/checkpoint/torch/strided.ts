import { elementCount } from '../tensor-source.ts';

/** Which elements of a run of memory make up a tensor, in elements. */
export interface StridedView {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** Whether the elements lie one behind the other, row-major. */
export function isContiguous({ shape, strides }: StridedView): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
    const dim = shape[axis] as number;
    // An axis with one place is never stepped along.
    if (dim !== 1 && strides[axis] !== expected) return elementCount(shape) === 0;
    expected *= dim;
  }
  return true;
}

/** How many elements lie between the first and the last, both included. */
export function spanOf({ shape, strides }: StridedView): number {
  if (elementCount(shape) === 0) return 0;
  return shape.reduce((span, dim, axis) => span + (dim - 1) * (strides[axis] as number), 1);
}

/** Copies the elements of a view into row-major order. `span` starts with the view's first element. */
export function gather(
  span: Uint8Array<ArrayBuffer>,
  elementSize: 1 | 2 | 4 | 8,
  { shape, strides }: StridedView,
): Uint8Array<ArrayBuffer> {
  const ElementArray = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array }[elementSize];
  const source = new ElementArray(span.buffer, span.byteOffset, span.byteLength / elementSize);
  const target = new ElementArray(elementCount(shape));
  const width = shape.at(-1) ?? 1;
  const step = strides.at(-1) ?? 1;
  const counters = shape.slice(0, -1).fill(0);
  for (let row = 0; row < target.length; row += width) {
    const start = counters.reduce((offset, count, axis) => offset + count * (strides[axis] as number), 0);
    for (let i = 0; i < width; i += 1) target[row + i] = source[start + i * step] as never;
    advance(counters, shape);
  }
  return new Uint8Array(target.buffer);
}

/** Counts one further, the last axis fastest. */
function advance(counters: number[], shape: readonly number[]): void {
  for (let axis = counters.length - 1; axis >= 0; axis -= 1) {
    counters[axis] = (counters[axis] as number) + 1;
    if ((counters[axis] as number) < (shape[axis] as number)) return;
    counters[axis] = 0;
  }
}
