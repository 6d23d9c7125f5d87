/** What a LoRA adds to one weight, row by row; a convolution's rows are its kernels for one output, one behind the other. */
export interface Delta {
  /** Adds `scale` times row `row` to `target`, which is as long as a row. */
  addRow(row: number, scale: number, target: Float64Array): void;
}

/** A matrix, row-major. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

/** up · down: LoRA (Hu et al. 2021, § 4.1), and LoCon with its kernels as columns. */
export function productDelta(up: Matrix, down: Matrix): Delta {
  return {
    addRow: (row, scale, target) => addRowOfProduct(up, down, row, scale, target),
  };
}

/** (up1 · down1) ⊙ (up2 · down2): LoHa (Hyeon-Woo et al. 2022, eq. 2). */
export function hadamardDelta(first: readonly [Matrix, Matrix], second: readonly [Matrix, Matrix]): Delta {
  const a = new Float64Array(first[1].columns);
  const b = new Float64Array(first[1].columns);
  return {
    addRow(row, scale, target) {
      addRowOfProduct(...first, row, scale, a.fill(0));
      addRowOfProduct(...second, row, 1, b.fill(0));
      for (let i = 0; i < target.length; i += 1) {
        target[i] = (target[i] as number) + (a[i] as number) * (b[i] as number);
      }
    },
  };
}

/** w1 ⊗ w2: LoKr (Yeh et al. 2023, § 3.2). A convolution's kernels are part of the columns of w2. */
export function kroneckerDelta(w1: Matrix, w2: Matrix): Delta {
  return {
    addRow(row, scale, target) {
      const [block, inner] = [Math.floor(row / w2.rows), row % w2.rows];
      const values = w2.values.subarray(inner * w2.columns, (inner + 1) * w2.columns);
      for (let column = 0; column < w1.columns; column += 1) {
        const factor = scale * (w1.values[block * w1.columns + column] as number);
        const offset = column * w2.columns;
        for (let i = 0; i < values.length; i += 1) {
          target[offset + i] = (target[offset + i] as number) + factor * (values[i] as number);
        }
      }
    },
  };
}

/** The difference itself. */
export function plainDelta({ columns, values }: Matrix): Delta {
  return {
    addRow(row, scale, target) {
      const offset = row * columns;
      for (let i = 0; i < columns; i += 1) {
        target[i] = (target[i] as number) + scale * (values[offset + i] as number);
      }
    },
  };
}

/** a · b as a matrix. */
export function multiply(a: Matrix, b: Matrix): Matrix {
  const values = new Float32Array(a.rows * b.columns);
  const row = new Float64Array(b.columns);
  for (let i = 0; i < a.rows; i += 1) {
    addRowOfProduct(a, b, i, 1, row.fill(0));
    values.set(row, i * b.columns);
  }
  return { rows: a.rows, columns: b.columns, values };
}

/**
 * Kernels between two factors (CP decomposition, Lebedev et al. 2015), multiplied into the second one:
 * core [n, m, places], inner [m, inputs] → [n, inputs · places].
 */
export function foldCore(core: Float32Array, inner: Matrix, places: number): Matrix {
  const { rows: m, columns: inputs } = inner;
  const n = core.length / (m * places);
  const columns = inputs * places;
  const values = new Float32Array(n * columns);
  const sums = new Float64Array(columns);
  for (let row = 0; row < n; row += 1) {
    sums.fill(0);
    for (let between = 0; between < m; between += 1) {
      for (let place = 0; place < places; place += 1) {
        const factor = core[(row * m + between) * places + place] as number;
        for (let input = 0; input < inputs; input += 1) {
          const at = input * places + place;
          sums[at] = (sums[at] as number) + factor * (inner.values[between * inputs + input] as number);
        }
      }
    }
    values.set(sums, row * columns);
  }
  return { rows: n, columns, values };
}

export function transpose({ rows, columns, values }: Matrix): Matrix {
  const transposed = new Float32Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      transposed[column * rows + row] = values[row * columns + column] as number;
    }
  }
  return { rows: columns, columns: rows, values: transposed };
}

/** Eight rows of `down` at a time: the target is loaded and stored that much less often, which is most of the work. */
function addRowOfProduct(up: Matrix, down: Matrix, row: number, scale: number, target: Float64Array): void {
  const { rows: rank, columns, values } = down;
  const factor = (r: number) => scale * (up.values[row * rank + r] as number);
  let r = 0;
  for (; r + 8 <= rank; r += 8) {
    const [f0, f1, f2, f3] = [factor(r), factor(r + 1), factor(r + 2), factor(r + 3)] as const;
    const [f4, f5, f6, f7] = [factor(r + 4), factor(r + 5), factor(r + 6), factor(r + 7)];
    const [at0, at1, at2, at3] = [r * columns, (r + 1) * columns, (r + 2) * columns, (r + 3) * columns];
    const [at4, at5, at6, at7] = [(r + 4) * columns, (r + 5) * columns, (r + 6) * columns, (r + 7) * columns];
    for (let i = 0; i < columns; i += 1) {
      target[i] =
        (target[i] as number) +
        f0 * (values[at0 + i] as number) +
        f1 * (values[at1 + i] as number) +
        f2 * (values[at2 + i] as number) +
        f3 * (values[at3 + i] as number) +
        f4 * (values[at4 + i] as number) +
        f5 * (values[at5 + i] as number) +
        f6 * (values[at6 + i] as number) +
        f7 * (values[at7 + i] as number);
    }
  }
  for (; r < rank; r += 1) {
    const f = factor(r);
    for (let i = 0; i < columns; i += 1) {
      target[i] = (target[i] as number) + f * (values[r * columns + i] as number);
    }
  }
}
