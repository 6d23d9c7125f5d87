/** Enough for shapes around 1 in double precision. */
const MAX_TERMS = 300;
const EPSILON = 1e-16;

/**
 * The x in [0, 1] at which the regularised incomplete beta function I(x; a, b) is `probability`: a quantile of the beta
 * distribution, `scipy.stats.beta.ppf`. Halves an interval until no double lies inside it.
 */
export function inverseIncompleteBeta(probability: number, a: number, b: number): number {
  if (probability <= 0) return 0;
  if (probability >= 1) return 1;
  let low = 0;
  let high = 1;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (incompleteBeta(middle, a, b) < probability) low = middle;
    else high = middle;
  }
}

/** I(x; a, b) by its continued fraction, which converges quickly below the mean (DLMF 8.17.22). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const scale = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b));
  return (scale / a) * continuedFraction(x, a, b);
}

/** 1 / (1 + d₁ / (1 + d₂ / …)) from the front (Lentz's method). */
function continuedFraction(x: number, a: number, b: number): number {
  let numerator = 1;
  let denominator = 1 / (1 - ((a + b) * x) / (a + 1));
  let result = denominator;
  for (let m = 1; m < MAX_TERMS; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    denominator = 1 / (1 + even * denominator);
    numerator = 1 + even / numerator;
    result *= denominator * numerator;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    denominator = 1 / (1 + odd * denominator);
    numerator = 1 + odd / numerator;
    const change = denominator * numerator;
    result *= change;
    if (Math.abs(change - 1) < EPSILON) break;
  }
  return result;
}

/** log B(a, b), with the log of the gamma function by Stirling's series. */
function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

function logGamma(value: number): number {
  // Γ(z) = Γ(z + n) / (z (z + 1) … (z + n − 1)): far out the series is exact to a double.
  let z = value;
  let shift = 0;
  for (; z < 20; z += 1) shift += Math.log(z);
  const series = 1 / (12 * z) - 1 / (360 * z ** 3) + 1 / (1260 * z ** 5) - 1 / (1680 * z ** 7);
  return (z - 0.5) * Math.log(z) - z + Math.log(2 * Math.PI) / 2 + series - shift;
}
