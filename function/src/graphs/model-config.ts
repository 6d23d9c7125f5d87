/** The hyper-parameters of a v1 model, named as in CompVis' `v1-inference.yaml`. They alone decide the graphs. */
import * as z from 'zod/mini';

const count = z.number().check(z.int(), z.minimum(1), z.maximum(1_000_000));
const multiples = z.array(count).check(z.minLength(1), z.maxLength(8));

const unetConfigSchema = z.object({
  /** 4; 9 for inpainting models (latents, mask, masked latents). */
  in_channels: count,
  out_channels: count,
  model_channels: count.check(z.multipleOf(32)),
  channel_mult: multiples,
  num_res_blocks: count,
  /** Downsampling factors at which the network attends. */
  attention_resolutions: z.array(count),
  num_heads: count,
  transformer_depth: count,
  context_dim: count,
});
export type UnetConfig = z.infer<typeof unetConfigSchema>;

const vaeConfigSchema = z.object({
  ch: count.check(z.multipleOf(32)),
  ch_mult: multiples,
  num_res_blocks: count,
  z_channels: count,
  embed_dim: count,
  in_channels: count,
  out_ch: count,
});
export type VaeConfig = z.infer<typeof vaeConfigSchema>;

const textEncoderConfigSchema = z.object({
  vocab_size: count,
  width: count,
  layers: count,
  heads: count,
  mlp: count,
  positions: count,
});
export type TextEncoderConfig = z.infer<typeof textEncoderConfigSchema>;

const safetyCheckerConfigSchema = z.object({
  image_size: count,
  patch_size: count,
  width: count,
  layers: count,
  heads: count,
  mlp: count,
  /** Width of the space that pictures and concepts share. */
  projection: count,
  concepts: count,
  special_concepts: count,
});
export type SafetyCheckerConfig = z.infer<typeof safetyCheckerConfigSchema>;

export const modelConfigSchema = z.object({
  unet: unetConfigSchema,
  vae: vaeConfigSchema,
  text: textEncoderConfigSchema,
  /** Absent where the checkpoint came without a safety checker. */
  safety: z.optional(safetyCheckerConfigSchema),
  diffusion: z.object({
    timesteps: count,
    linear_start: z.number(),
    linear_end: z.number(),
    /** Latents are multiplied by this to have unit variance. */
    scale_factor: z.number(),
  }),
  /** Side of the square pictures the model was trained on, in pixels. */
  image_size: count,
});
export type ModelConfig = z.infer<typeof modelConfigSchema>;

/** CompVis/stable-diffusion-safety-checker: CLIP ViT-L/14 and its concepts. */
export const safetyCheckerV1: SafetyCheckerConfig = {
  image_size: 224,
  patch_size: 14,
  width: 1024,
  layers: 24,
  heads: 16,
  mlp: 4096,
  projection: 768,
  concepts: 17,
  special_concepts: 3,
};

/** Stable Diffusion v1 (CompVis `configs/stable-diffusion/v1-inference.yaml`; text: CLIP ViT-L/14). */
export const stableDiffusionV1: ModelConfig = {
  unet: {
    in_channels: 4,
    out_channels: 4,
    model_channels: 320,
    channel_mult: [1, 2, 4, 4],
    num_res_blocks: 2,
    attention_resolutions: [4, 2, 1],
    num_heads: 8,
    transformer_depth: 1,
    context_dim: 768,
  },
  vae: { ch: 128, ch_mult: [1, 2, 4, 4], num_res_blocks: 2, z_channels: 4, embed_dim: 4, in_channels: 3, out_ch: 3 },
  text: { vocab_size: 49408, width: 768, layers: 12, heads: 12, mlp: 3072, positions: 77 },
  diffusion: { timesteps: 1000, linear_start: 0.00085, linear_end: 0.012, scale_factor: 0.18215 },
  image_size: 512,
};
