import type {
  GenerateSettings,
  ModelInfo,
  ParsedGenerateInput,
  Phase,
  Safety,
  Timings,
  Warning,
} from '@safelight/sdk/contract';
import type { EmbeddingEntry } from './pipeline/prompt/embeddings.ts';

/** A finished picture, encoded. */
export interface EncodedImage {
  index: number;
  width: number;
  height: number;
  seed: number;
  /** Absent where the model has no safety checker. */
  safety?: Safety;
  /** The file: PNG, JPEG or WebP with its settings in the metadata. */
  data: Uint8Array;
}

export interface Generation {
  images: EncodedImage[];
  warnings: Warning[];
  timings: Omit<Timings, 'queueMs' | 'uploadMs'>;
}

export interface GenerateOptions {
  /** Checked between denoising steps; an abort rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Finds a picture that settings name by the key of its upload; undefined if it is gone. */
  readUpload?: (key: string) => Promise<Uint8Array | undefined>;
  /** Called at every change of phase and after every step. */
  onPhase?: (phase: Phase) => void;
  /**
   * Called once the latents of the last picture are drawn: what is left, its decoding and its file, goes on beside the
   * next generation. Not called when the generation fails before.
   */
  onDrawn?: () => void;
}

/** Makes pictures: models, their sessions and the pipeline behind one door. Knows nothing of jobs or HTTP. */
export interface Engine {
  readonly defaultModel: string;
  models(): readonly ModelInfo[];
  /**
   * Fills every open choice: the model's defaults, the sampler's schedule, a random seed.
   * @throws FunctionError `model_not_found`, or `invalid_input` naming the field that the model does not allow.
   */
  resolve(input: ParsedGenerateInput): GenerateSettings;
  /** Names of the LoRAs that jobs may use now; absent where there is no telling. */
  loras?(): Promise<readonly string[]>;
  /** What names in prompts stand for; absent where there are none. */
  embeddings?(): Promise<readonly EmbeddingEntry[]>;
  /**
   * Whether generations can share runs of the network, and there is room for all of them; one alone always can. Absent, or
   * false for any two, where that does not pay.
   */
  canDrawTogether?(all: readonly GenerateSettings[]): boolean;
  /** Generations that can be drawn together are; others wait their turn. */
  generate(settings: GenerateSettings, options?: GenerateOptions): Promise<Generation>;
  close(): Promise<void>;
}
