import { printable } from '../corrupt-file.ts';
import { elementCount, type TensorInfo, type TensorSource } from '../tensor-source.ts';
import {
  type Delta,
  foldCore,
  hadamardDelta,
  kroneckerDelta,
  type Matrix,
  multiply,
  plainDelta,
  productDelta,
  transpose,
} from './delta.ts';

/** The tensors of one module, by what `parseLoraName` calls them. */
export type LoraParts = ReadonlyMap<string, TensorInfo>;

/** How a weight's delta is made of a file's tensors, whose shapes have been checked. */
export interface DeltaPlan {
  /** What alpha is divided by; undefined where the form has no rank, and then no alpha. */
  readonly rank: number | undefined;
  load(file: TensorSource): Promise<Delta>;
}

/** Factors of a higher rank than any that makes sense are a waste of memory and hours. */
const MAX_RANK = 2048;

/**
 * @param shape Of the weight: [outputs, inputs], or [outputs, inputs, height, width].
 * @returns The plan; or what is wrong, as the rest of a sentence that begins with the module.
 */
export function planDelta(parts: LoraParts, shape: readonly number[]): DeltaPlan | string {
  const extent = { rows: shape[0] ?? 1, columns: elementCount(shape.slice(1)), places: elementCount(shape.slice(2)) };
  if (parts.has('dora_scale')) return 'is decomposed into magnitude and direction (DoRA), which is not supported';
  for (const { names, optional, plan } of forms) {
    if (!names.every((name) => parts.has(name))) continue;
    const known = [...names, ...optional, 'alpha', 'scale'];
    const stranger = [...parts.keys()].find((name) => !known.includes(name));
    if (stranger !== undefined) break;
    return (
      plan((name) => parts.get(name), extent) ??
      'does not have the shape of the layer, or its factors do not fit together'
    );
  }
  const found = [...parts.keys()].slice(0, 5).map((name) => `"${printable(name.slice(0, 40))}"`);
  return `is neither LoRA, LoCon, LoHa nor LoKr: it has ${found.join(', ')}`;
}

/** Of the weight. Places are those of a convolution's kernel. */
interface Extent {
  rows: number;
  columns: number;
  places: number;
}

type Part = (name: string) => TensorInfo | undefined;

interface Form {
  names: readonly string[];
  optional: readonly string[];
  /** @returns Undefined where shapes do not fit. */
  plan(part: Part, extent: Extent): DeltaPlan | undefined;
}

const forms: readonly Form[] = [
  {
    names: ['down', 'up'],
    optional: ['mid'],
    plan(part, extent) {
      const product = planProduct({ outer: part('up'), inner: part('down'), core: part('mid') }, extent);
      if (product === undefined) return undefined;
      return { rank: part('down')?.shape[0], load: async (file) => productDelta(...(await product.load(file))) };
    },
  },
  {
    names: ['hada_w1_a', 'hada_w1_b', 'hada_w2_a', 'hada_w2_b'],
    optional: ['hada_t1', 'hada_t2'],
    plan(part, extent) {
      const [first, second] = (['1', '2'] as const).map((i) => {
        const core = part(`hada_t${i}`);
        const isTransposed = core !== undefined;
        return planProduct({ outer: part(`hada_w${i}_a`), inner: part(`hada_w${i}_b`), core, isTransposed }, extent);
      });
      if (first === undefined || second === undefined) return undefined;
      return {
        rank: part('hada_w1_b')?.shape[0],
        load: async (file) => hadamardDelta(await first.load(file), await second.load(file)),
      };
    },
  },
  ...[['lokr_w1'], ['lokr_w1_a', 'lokr_w1_b']].flatMap((first) =>
    [['lokr_w2'], ['lokr_w2_a', 'lokr_w2_b']].map((second) => ({
      names: [...first, ...second],
      optional: second.length === 2 ? ['lokr_t2'] : [],
      plan: planKronecker,
    })),
  ),
  {
    names: ['diff'],
    optional: ['diff_b'],
    plan(part, { rows, columns }) {
      const diff = part('diff');
      if (diff === undefined || elementCount(diff.shape) !== rows * columns) return undefined;
      return {
        rank: undefined,
        load: async (file) => plainDelta({ rows, columns, values: await file.readFloat32(diff.name) }),
      };
    },
  },
];

interface ProductTensors {
  outer: TensorInfo | undefined;
  inner: TensorInfo | undefined;
  core?: TensorInfo | undefined;
  /** Whether the outer factor lies as [rank, outputs]. */
  isTransposed?: boolean;
}

interface ProductPlan {
  load(file: TensorSource): Promise<[Matrix, Matrix]>;
}

function planProduct(
  { outer, inner, core, isTransposed = false }: ProductTensors,
  { rows, columns, places }: Extent,
): ProductPlan | undefined {
  if (outer === undefined || inner === undefined) return undefined;
  const [up, down] = [matrixShape(outer), matrixShape(inner)];
  const [outputs, rank] = isTransposed ? [up.columns, up.rows] : [up.rows, up.columns];
  if (outputs !== rows || !isRank(rank) || !isRank(down.rows)) return undefined;
  if (core === undefined) {
    if (rank !== down.rows || down.columns !== columns) return undefined;
  } else if (!isCore(core, [rank, down.rows, places]) || down.columns * places !== columns) return undefined;
  return {
    async load(file) {
      const stored = { ...up, values: await file.readFloat32(outer.name) };
      const factor = { ...down, values: await file.readFloat32(inner.name) };
      const folded = core === undefined ? factor : foldCore(await file.readFloat32(core.name), factor, places);
      return [isTransposed ? transpose(stored) : stored, folded];
    },
  };
}

function planKronecker(part: Part, { rows, columns, places }: Extent): DeltaPlan | undefined {
  const core = part('lokr_t2');
  const first = planFactor(part('lokr_w1'), part('lokr_w1_a'), part('lokr_w1_b'));
  const second = planFactor(part('lokr_w2'), part('lokr_w2_a'), part('lokr_w2_b'), core && { core, places });
  if (first === undefined || second === undefined) return undefined;
  if (first.rows * second.rows !== rows || first.columns * second.columns !== columns) return undefined;
  return {
    // As AUTOMATIC1111: the second factor's rank where it has one, else the first one's.
    rank: (part('lokr_w2_b') ?? part('lokr_w1_b'))?.shape[0],
    load: async (file) => kroneckerDelta(await first.load(file), await second.load(file)),
  };
}

interface FactorPlan {
  rows: number;
  columns: number;
  load(file: TensorSource): Promise<Matrix>;
}

/** A factor that is stored as it is, or as a product of its own. */
function planFactor(
  whole: TensorInfo | undefined,
  outer: TensorInfo | undefined,
  inner: TensorInfo | undefined,
  kernels?: { core: TensorInfo; places: number },
): FactorPlan | undefined {
  if (whole !== undefined) {
    const shape = matrixShape(whole);
    return { ...shape, load: async (file) => ({ ...shape, values: await file.readFloat32(whole.name) }) };
  }
  if (outer === undefined || inner === undefined) return undefined;
  const places = kernels?.places ?? 1;
  const isTransposed = kernels !== undefined;
  const rows = isTransposed ? matrixShape(outer).columns : matrixShape(outer).rows;
  const columns = matrixShape(inner).columns * places;
  const product = planProduct({ outer, inner, core: kernels?.core, isTransposed }, { rows, columns, places });
  return product && { rows, columns, load: async (file) => multiply(...(await product.load(file))) };
}

function matrixShape({ shape }: TensorInfo): { rows: number; columns: number } {
  return { rows: shape[0] ?? 1, columns: elementCount(shape.slice(1)) };
}

function isRank(rank: number): boolean {
  return rank >= 1 && rank <= MAX_RANK;
}

/** Whether a tensor is [n, m, height, width] with so many places. */
function isCore({ shape }: TensorInfo, [n, m, places]: readonly [number, number, number]): boolean {
  return shape.length === 4 && shape[0] === n && shape[1] === m && elementCount(shape.slice(2)) === places;
}
