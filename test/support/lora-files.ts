/** LoRA files for the embedded model, of numbers whose sums and products are exact: merging by hand gives the same bits. */
import { encodeSafetensors, floats, type TensorData, type Tensors } from '../function/checkpoint/checkpoint-writer.ts';

/** Multiples of 1/16 from -0.5 to 0.5, the same for the same seed. */
function dyadic(count: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return ((state >>> 24) % 17) / 16 - 0.5;
  });
}

/** A layer of the embedded model, in kohya's names and in the original ones. */
export interface Layer {
  lora: string;
  weight: string;
  shape: readonly number[];
  /** Whether a convolution is decomposed once more. */
  isCp?: boolean;
}

const unet = 'model.diffusion_model';
const text = 'cond_stage_model.transformer.text_model';

/** One of each kind: linear, 1×1 and 3×3 convolutions, CP decomposition, and the text encoder's. */
export const layers = {
  linear: {
    lora: 'lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k',
    weight: `${unet}.input_blocks.3.1.transformer_blocks.0.attn2.to_k.weight`,
    shape: [128, 64],
  },
  query: {
    lora: 'lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q',
    weight: `${unet}.input_blocks.3.1.transformer_blocks.0.attn1.to_q.weight`,
    shape: [128, 128],
  },
  pixelwise: {
    lora: 'lora_unet_mid_block_attentions_0_proj_in',
    weight: `${unet}.middle_block.1.proj_in.weight`,
    shape: [128, 128, 1, 1],
  },
  conv: {
    lora: 'lora_unet_mid_block_resnets_0_conv1',
    weight: `${unet}.middle_block.0.in_layers.2.weight`,
    shape: [128, 128, 3, 3],
  },
  cp: {
    lora: 'lora_unet_mid_block_resnets_1_conv2',
    weight: `${unet}.middle_block.2.out_layers.3.weight`,
    shape: [128, 128, 3, 3],
    isCp: true,
  },
  text: {
    lora: 'lora_te_text_model_encoder_layers_2_self_attn_q_proj',
    weight: `${text}.encoder.layers.2.self_attn.q_proj.weight`,
    shape: [64, 64],
  },
} satisfies Record<string, Layer>;

interface Factors {
  tensors: [string, TensorData][];
  /** What is added to the weight at a LoRA weight of 1, row-major. */
  delta: number[];
}

const RANK = 4;
const ALPHA = 2;

/** Layers of the embedded model with a wide UNet, whose weights the CPU keeps in several parts. */
export const dividedLayers = {
  /** As sums of its kernels' rows, which are rounded: not bit by bit. */
  conv: {
    lora: 'lora_unet_up_blocks_0_resnets_1_conv1',
    weight: `${unet}.output_blocks.1.0.in_layers.2.weight`,
    shape: [256, 512, 3, 3],
  },
  /** In halves. */
  gated: {
    lora: 'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_ff_net_0_proj',
    weight: `${unet}.input_blocks.1.1.transformer_blocks.0.ff.net.0.proj.weight`,
    shape: [2048, 256],
  },
} satisfies Record<string, Layer>;

/** The factors of a layer's delta, and the delta, put together element by element. */
function factorsOf({ lora, shape, isCp = false }: Layer, seed: number): Factors {
  const [outputs = 1, inputs = 1, ...sides] = shape;
  const places = sides.reduce((product, side) => product * side, 1);
  const ones = sides.map(() => 1);
  const up = dyadic(outputs * RANK, seed);
  const down = dyadic(RANK * inputs * (isCp ? 1 : places), seed + 1);
  const mid = dyadic(RANK * RANK * places, seed + 2);
  const delta: number[] = [];
  for (let output = 0; output < outputs; output += 1) {
    for (let column = 0; column < inputs * places; column += 1) {
      const [input, place] = [Math.floor(column / places), column % places];
      let sum = 0;
      for (let r = 0; r < RANK; r += 1) {
        const inner = isCp
          ? sumOf(RANK, (m) => at(mid, (r * RANK + m) * places + place) * at(down, m * inputs + input))
          : at(down, r * inputs * places + column);
        sum += at(up, output * RANK + r) * inner;
      }
      delta.push((sum * ALPHA) / RANK);
    }
  }
  const tensors: [string, TensorData][] = [
    [`${lora}.lora_down.weight`, floats([RANK, inputs, ...(isCp ? ones : sides)], down)],
    [`${lora}.lora_up.weight`, floats([outputs, RANK, ...ones], up)],
    [`${lora}.alpha`, floats([], [ALPHA])],
  ];
  if (isCp) tensors.push([`${lora}.lora_mid.weight`, floats([RANK, RANK, ...sides], mid)]);
  return { tensors, delta };
}

const at = (values: number[], index: number) => values[index] as number;

function sumOf(count: number, term: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i += 1) sum += term(i);
  return sum;
}

/** A layer's factors are the same in whatever company. */
const seedOf = (layer: Layer, seed: number) => seed + 10 * Object.values<Layer>(layers).indexOf(layer);

/** A LoRA file with these layers. */
export function encodeLora(chosen: readonly Layer[], seed = 1): Buffer {
  return encodeSafetensors(new Map(chosen.flatMap((layer) => factorsOf(layer, seedOf(layer, seed)).tensors)));
}

/** The checkpoint with the same deltas added by hand, in float32. */
export function mergeByHand(
  checkpoint: Tensors,
  chosen: readonly Layer[],
  weight: number,
  seed = 1,
): Map<string, TensorData> {
  const merged = new Map(checkpoint);
  for (const layer of chosen) {
    const base = merged.get(layer.weight);
    if (base === undefined) throw new Error(`The model has no ${layer.weight}`);
    if (base.shape.join() !== layer.shape.join()) throw new Error(`${layer.weight} is [${base.shape}]`);
    const values = asFloats(base);
    const { delta } = factorsOf(layer, seedOf(layer, seed));
    merged.set(
      layer.weight,
      floats(
        layer.shape,
        values.map((value, k) => Math.fround(value + weight * (delta[k] as number))),
      ),
    );
  }
  return merged;
}

/** The values of a float32 or float16 tensor. */
export function asFloats({ type, bytes }: TensorData): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (type === 'F32') return Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  if (type !== 'F16') throw new Error(`${type} is not read here`);
  return Array.from({ length: bytes.length / 2 }, (_, i) => fromHalf(view.getUint16(2 * i, true)));
}

function fromHalf(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -magnitude : magnitude;
}
