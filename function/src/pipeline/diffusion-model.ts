import type { ModelInfo } from '@safelight/sdk/contract';
import type { ModelConfig } from '../graphs/model-config.ts';
import type { Tensor } from '../runtime/tensor.ts';
import type { DeepFeatures } from './deep-cache.ts';
import type { SafetyScores } from './safety/judge.ts';
import type { Pixels } from './start/pixels.ts';
import type { Tokenizer } from './tokenizer.ts';

/** A LoRA that has been added to a model's weights. */
export interface AddedLora {
  readonly name: string;
  /** sha256 of the file's tensors, by which other tools know it; its first twelve digits stand in picture files. */
  readonly hash: string;
  /** How many of its tensors belong to no layer of the model. */
  readonly unusedTensors: number;
}

/** The three networks of a model and its tokenizer, as the pipeline uses them. */
export interface DiffusionModel {
  readonly info: ModelInfo;
  readonly config: ModelConfig;
  /** sha256 of the checkpoint; its first ten digits are the "model hash" in picture files. */
  readonly checkpointSha256: string;
  /** @defaultValue none */
  readonly loras?: readonly AddedLora[];
  readonly tokenizer: Tokenizer;
  /** Lower-case words the model was trained on; undefined when that is not a closed list. */
  readonly vocabulary: ReadonlySet<string> | undefined;
  /**
   * One row of token ids per chunk of a prompt → prompt embeddings [n, 77, width].
   * @param clipSkip 1 takes what the last layer of the text encoder says, 2 the last but one, … @defaultValue 1
   * @param vectors What the ids from the vocabulary's size on stand for, in order, [width] each. @defaultValue none
   */
  encodePrompts(tokenIds: readonly Int32Array[], clipSkip?: number, vectors?: readonly Float32Array[]): Promise<Tensor>;
  /**
   * Latents [n, 4, h/8, w/8] at one timestep, with prompt embeddings [n, 77 × chunks, width] → the noise in them, same shape.
   * One latent may go with several prompts: [1, 4, h/8, w/8] and [m, 77 × chunks, width] → [m, 4, h/8, w/8].
   * @param timestep Of all of them, or of each, [n].
   * @param deep What to reuse of another timestep's prediction, or where to put what others reuse. @defaultValue neither
   */
  predictNoise(
    latents: Tensor,
    timestep: number | Float32Array,
    promptEmbeddings: Tensor,
    deep?: DeepFeatures,
  ): Promise<Tensor>;
  /**
   * Image [1, 3, h, w] in [-1, 1], sides multiples of 8 → where its latents may lie, of unit variance: mean and standard
   * deviation, [1, 4, h/8, w/8] each.
   */
  encodeImage(image: Tensor): Promise<{ mean: Tensor; deviation: Tensor }>;
  /** What the model's safety checker says of an RGB picture; undefined where the model has none. */
  readonly checkSafety: ((pixels: Pixels) => Promise<SafetyScores>) | undefined;
  /** Latents of unit variance [n, 4, h/8, w/8] → image [n, 3, h, w], nominally in [-1, 1]. */
  decodeLatents(latents: Tensor): Promise<Tensor>;
  /** The same with a network that is far smaller and less exact; absent where the model has none. */
  decodePreview?(latents: Tensor): Promise<Tensor>;
}
