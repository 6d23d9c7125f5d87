import * as z from 'zod/mini';
import { decimal, integer, oneOf, openEnum, unknownFields, yesOrNo } from './checks.ts';
import { samplerInputSchema, scheduleInputSchema } from './sampler-names.ts';
import type { SamplerName, ScheduleName } from './samplers.ts';
import { startFields } from './start-image.ts';

/** The largest seed: seeds are unsigned 32-bit integers. */
export const MAX_SEED = 0xffff_ffff;
/** Image sizes are whole latent cells: the autoencoder works on blocks of 8 by 8 pixels. */
export const SIZE_STEP = 8;

const size = (name: string) =>
  integer(name, 64, 2048).check(z.multipleOf(SIZE_STEP, `${name} must be a multiple of ${SIZE_STEP}`));

/** A text of a prompt, which may be empty. */
const text = (name: string) =>
  z.string(`${name} must be a text`).check(
    z.maxLength(10_000, `${name} is longer than 10,000 characters: shorten it`),
    z.refine((value) => !value.includes('\0'), `${name} contains a null byte: remove it`),
  );

/** File formats of pictures. */
export const imageFormatSchema = oneOf('format', ['png', 'jpeg', 'webp']);
export type ImageFormat = z.infer<typeof imageFormatSchema>;

/** Which of PyTorch's random generators the seed drives. `cuda` is what CompVis' scripts and AUTOMATIC1111 draw with. */
export const rngSchema = oneOf('rng', ['cuda', 'cpu']);
export type RngName = z.infer<typeof rngSchema>;

/** A prompt, which may be empty. */
export const promptTextSchema = text('prompt');

const prompt = promptTextSchema.check(z.refine((value) => value.trim() !== '', 'prompt is empty: say what to draw'));

/**
 * How prompts are read: `a1111` is AUTOMATIC1111's syntax, with weights, editing, `AND`, `BREAK` and any length; `plain` takes
 * every character as it is and leaves out what does not fit, as CompVis' scripts do.
 */
export const promptSyntaxSchema = oneOf('promptSyntax', ['a1111', 'plain']);
export type PromptSyntax = z.infer<typeof promptSyntaxSchema>;

/** A model by its name on the server. */
export const modelNameSchema = z
  .string('model must be a name')
  .check(
    z.regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'model must be a name of lower-case letters, digits, ".", "_" and "-"'),
  );

/** Karras et al. (2022), algorithm 2: noise added on the way, for samplers that take it. */
const noiseFields = {
  /** How much noise to add over the whole run; 0 is none. For Euler, Heun and DPM2. */
  sChurn: z.optional(decimal('sChurn', 0, 100)),
  /** The lowest noise level (σ) at which `sChurn` adds noise. Absent, 0. */
  sTmin: z.optional(decimal('sTmin', 0, 1000)),
  /** The highest noise level (σ) at which `sChurn` adds noise. Absent, there is no limit. */
  sTmax: z.optional(decimal('sTmax', 0, 1000)),
  /** What fresh noise is multiplied by. Absent, 1. */
  sNoise: z.optional(decimal('sNoise', 0, 2)),
};

/** Kynkäänniemi et al. (2024): guidance in a part of each run only. The steps without it cost half. */
const guidanceFields = {
  /** After what part of the steps guidance starts. Absent, 0. */
  guidanceStart: z.optional(decimal('guidanceStart', 0, 1)),
  /** After what part of the steps it ends. Absent, 1. */
  guidanceEnd: z.optional(decimal('guidanceEnd', 0, 1)),
};

/** Ma et al. (2023), DeepCache: what the UNet's deep layers said is reused. */
const deepCache = z.optional(integer('deepCache', 1, 10));

/** Other pictures close to the seed's. */
const variationFields = {
  /** Where variations lead to: with `subseedStrength`, image i uses the seed itself and subseed + i. Absent, chosen. */
  subseed: z.optional(integer('subseed', 0, MAX_SEED)),
  /** How far the noise goes from the seed's to the subseed's: 0 is the seed's picture, 1 the subseed's. */
  subseedStrength: z.optional(decimal('subseedStrength', 0, 1)),
};

/** Fields that mean the same for one picture and along an axis of a grid. */
const drawingFields = {
  /** Which layer of the text encoder to listen to, counted from the end, as AUTOMATIC1111 counts. Absent, 1. */
  clipSkip: z.optional(integer('clipSkip', 1, 12)),
  /** Denoising steps; absent, the model's default. DDIM and PLMS may run more, where 1000 is not divisible, as the original does. */
  steps: z.optional(integer('steps', 1, 1000)),
  /** Classifier-free guidance; 1 switches it off. Absent, the model's default. */
  guidanceScale: z.optional(decimal('guidanceScale', 0, 100)),
  ...guidanceFields,
  /** Every how many predictions all of the UNet is computed: 2 takes little more than half the time, and changes pictures a little. Absent, 1. */
  deepCache,
  /** Absent, the model's default. */
  sampler: z.optional(samplerInputSchema),
  /** Absent, the sampler's customary one, or the one that a name such as `DPM++ 2M Karras` carries. */
  schedule: z.optional(scheduleInputSchema),
  /** Fresh noise per step: 0 is none, 1 is ancestral sampling. Absent, the sampler's own: 0 for DDIM, 1 for Euler a. */
  eta: z.optional(decimal('eta', 0, 1)),
  ...noiseFields,
  /** Absent, the server chooses one and returns it. Image i uses seed + i. */
  seed: z.optional(integer('seed', 0, MAX_SEED)),
  ...variationFields,
};

/** Pictures of a grid at most. */
export const MAX_GRID_CELLS = 36;

const axis = (name: string) =>
  z
    .array(
      z.strictObject(
        {
          prompt: z.optional(prompt),
          negativePrompt: z.optional(text('negativePrompt')),
          ...drawingFields,
          strength: startFields.strength,
        },
        unknownFields,
      ),
      `${name} must be a list`,
    )
    .check(z.minLength(1, `${name} is empty`));

/**
 * Pictures side by side, 36 at most. An entry of `x` is a column, one of `y` a row, and says what it changes.
 * All entries of an axis change the same fields: `{ x: [{ steps: 5 }, { steps: 20 }], y: [{ sampler: 'ddim' }, { sampler: 'euler' }] }`.
 */
export const gridSchema = z.strictObject({ x: axis('grid.x'), y: z.optional(axis('grid.y')) }, unknownFields);
export type Grid = z.infer<typeof gridSchema>;

/** A file of weights to add to the model's. */
const loraSchema = z.strictObject(
  {
    /** The file's name on the server, without its extension. */
    name: z.string().check(z.minLength(1), z.maxLength(200)),
    /** How strongly it counts; negative, the other way. */
    weight: z._default(decimal('weight', -10, 10), 1),
    /** The same for the text encoder. Absent, as `weight`. */
    textEncoderWeight: z.optional(decimal('textEncoderWeight', -10, 10)),
  },
  unknownFields,
);
/** LoRAs by name, beside those that the prompt names as `<lora:name:0.8>`. */
const loras = z.optional(z.array(loraSchema).check(z.maxLength(16)));
/** `flag` says so beside the picture, `blur` makes it unrecognisable, `block` puts a black one in its place. */
export const safetyPolicySchema = oneOf('safety', ['flag', 'blur', 'block']);
export type SafetyPolicy = z.infer<typeof safetyPolicySchema>;

/** What is done with a picture that is drawn. */
const finishFields = {
  /** `preview` is far faster and less exact, where the model has been converted with such a decoder. Absent, `full`. */
  decoder: z.optional(oneOf('decoder', ['full', 'preview'])),
  /** Whether an invisible watermark says what drew it. Absent, where there is nothing but a text to start from, as in CompVis' scripts. */
  watermark: z.optional(yesOrNo('watermark')),
  /** What becomes of a picture that the model's safety checker objects to. Absent, what the server does: `flag`, or stricter. */
  safety: z.optional(safetyPolicySchema),
};

/** What to draw. Everything but the prompt has a default, most of them the model's own. */
export const generateInputSchema = z.strictObject(
  {
    /** What the picture shows. */
    prompt,
    /** What the picture should not show. */
    negativePrompt: z._default(text('negativePrompt'), ''),
    promptSyntax: z._default(promptSyntaxSchema, 'a1111'),
    /** Name of a model that the server has; absent, the server's default. */
    model: z.optional(modelNameSchema),
    loras,
    /** Pixels, a multiple of 8; absent, the size the model was trained at. */
    width: z.optional(size('width')),
    /** Pixels, a multiple of 8; absent, the size the model was trained at. */
    height: z.optional(size('height')),
    ...drawingFields,
    ...startFields,
    ...finishFields,
    rng: z._default(rngSchema, 'cuda'),
    /** How many images. */
    count: z._default(integer('count', 1, 16), 1),
    /** Draw variants of this instead, row by row, and last a sheet of them all with their labels. Goes with a count of 1. */
    grid: z.optional(gridSchema),
    format: z._default(imageFormatSchema, 'png'),
  },
  unknownFields,
);
/** What a caller passes. */
export type GenerateInput = z.input<typeof generateInputSchema>;
/** The same with the contract's defaults filled in; the model's are still open. */
export type ParsedGenerateInput = z.output<typeof generateInputSchema>;

/** Input of `jobs.estimate`: what the work depends on. Not the prompt, which would stand in the request's URL. */
export const estimateInputSchema = z.omit(generateInputSchema, { prompt: true, negativePrompt: true, seed: true });
export type EstimateInput = z.input<typeof estimateInputSchema>;
/** The same with the contract's defaults filled in. */
export type ParsedEstimateInput = z.output<typeof estimateInputSchema>;

/** Every choice made: what a job really runs with. Passing it to `generate` again gives the same pictures. */
export const generateSettingsSchema = z.object({
  prompt: z.string(),
  negativePrompt: z.string(),
  /** Absent in jobs of older servers, which read prompts as `plain`. */
  promptSyntax: z.optional(promptSyntaxSchema),
  clipSkip: drawingFields.clipSkip,
  model: modelNameSchema,
  loras,
  width: size('width'),
  height: size('height'),
  steps: integer('steps', 1, 1000),
  guidanceScale: z.number(),
  ...guidanceFields,
  deepCache,
  sampler: openEnum<SamplerName>(),
  schedule: openEnum<ScheduleName>(),
  eta: z.number(),
  ...noiseFields,
  seed: integer('seed', 0, MAX_SEED),
  ...variationFields,
  ...startFields,
  ...finishFields,
  rng: rngSchema,
  count: integer('count', 1, 16),
  grid: z.optional(gridSchema),
  format: openEnum<ImageFormat>(),
});
export type GenerateSettings = z.infer<typeof generateSettingsSchema>;
