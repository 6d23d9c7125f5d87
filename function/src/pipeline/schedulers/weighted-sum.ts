/** A factor and the float32 values it multiplies. */
type WeightedTerm = readonly [weight: number, values: Float32Array];

/** The sum of `weight × values` over the terms, element by element: added in double, rounded to float32 once. */
export function weightedSum(first: WeightedTerm, ...others: readonly WeightedTerm[]): Float32Array {
  const sums = Float64Array.from(first[1]);
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) * first[0];
  for (const [weight, values] of others) {
    for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + weight * (values[i] as number);
  }
  return Float32Array.from(sums);
}
