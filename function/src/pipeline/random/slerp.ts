/** Directions closer than this are mixed in a straight line: the angle is too small to divide by its sine. */
const NEARLY_PARALLEL = 0.9995;

/**
 * Goes along the great circle from one noise to another, so that what lies between is noise of the same strength.
 * As A1111 does, each column of each channel is a vector of its own, and so is turned by its own angle.
 *
 * Source: A1111 `modules/rng.py` (`slerp`).
 *
 * @param share 0 gives `from`, 1 gives `to`.
 * @param dims [1, channels, height, width].
 */
export function slerp(from: Float32Array, to: Float32Array, share: number, dims: readonly number[]): Float32Array {
  const [, channels = 1, height = 1, width = 1] = dims;
  const cosines = new Float64Array(channels * width);
  forEachValue((i, column) => {
    cosines[column] = (cosines[column] as number) + (from[i] as number) * (to[i] as number);
  });
  const normalize = (values: Float32Array) => {
    const squares = new Float64Array(channels * width);
    forEachValue((i, column) => {
      squares[column] = (squares[column] as number) + (values[i] as number) ** 2;
    });
    for (const [column, square] of squares.entries()) cosines[column] = (cosines[column] as number) / Math.sqrt(square);
  };
  normalize(from);
  normalize(to);

  const result = new Float32Array(from.length);
  const mean = cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length;
  if (mean > NEARLY_PARALLEL) {
    // The original has the ends the wrong way round here, where they hardly differ.
    return result.map((_, i) => (from[i] as number) * share + (to[i] as number) * (1 - share));
  }
  forEachValue((i, column) => {
    const angle = Math.acos(cosines[column] as number);
    const sine = Math.sin(angle);
    const [fromWeight, toWeight] = [Math.sin((1 - share) * angle) / sine, Math.sin(share * angle) / sine];
    result[i] = fromWeight * (from[i] as number) + toWeight * (to[i] as number);
  });
  return result;

  function forEachValue(visit: (index: number, column: number) => void): void {
    for (let i = 0; i < from.length; i += 1) {
      visit(i, Math.floor(i / (height * width)) * width + (i % width));
    }
  }
}
