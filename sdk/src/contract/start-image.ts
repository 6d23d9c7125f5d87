import * as z from 'zod/mini';
import { decimal, integer, oneOf, unknownFields, yesOrNo } from './checks.ts';
import { uploadKeySchema } from './uploads.ts';

/** How a picture gets another shape: distorted, cut at its longer side, or with its edges drawn out. */
export const resizeModeSchema = oneOf('resizeMode', ['stretch', 'crop', 'extend']);
export type ResizeMode = z.infer<typeof resizeModeSchema>;

/** What lies under the mask before drawing: the picture, colours from around, noise, or nothing. */
export const maskFillSchema = oneOf('maskFill', ['original', 'fill', 'latent_noise', 'latent_nothing']);
export type MaskFill = z.infer<typeof maskFillSchema>;

/** Whether to draw the whole picture, or only what surrounds the mask, enlarged to the full size. */
export const inpaintAreaSchema = oneOf('inpaintArea', ['whole', 'masked']);
export type InpaintArea = z.infer<typeof inpaintAreaSchema>;

const margin = (side: string) => z._default(integer(`outpaint.${side}`, 0, 2048), 0);

/** Margins in pixels of the finished picture, to be drawn around the initial one. */
export const outpaintSchema = z.strictObject(
  { left: margin('left'), top: margin('top'), right: margin('right'), bottom: margin('bottom') },
  unknownFields,
);
export type Outpaint = z.infer<typeof outpaintSchema>;

/** A second run at a larger size, which keeps the composition of the first. */
export const hiresSchema = z.strictObject(
  {
    /** Size of the finished picture beside that of the first run; sides become multiples of 8. */
    scale: z._default(decimal('hires.scale', 1, 4), 2),
    /** Steps that the second run really makes; DDIM and PLMS make one fewer, as in AUTOMATIC1111. Absent, as many as the first. */
    steps: z.optional(integer('hires.steps', 1, 1000)),
    /** How much of the enlarged picture is drawn anew. */
    strength: z._default(decimal('hires.strength', 0, 1), 0.7),
    /** `latent` enlarges the latents, `lanczos` the picture. */
    upscaler: z._default(oneOf('hires.upscaler', ['latent', 'lanczos']), 'latent'),
  },
  unknownFields,
);
export type Hires = z.infer<typeof hiresSchema>;

/** What a job starts from, where that is not noise alone; and the enlarging run. */
export const startFields = {
  /** A picture to start from, by the key of its upload. */
  initImage: z.optional(uploadKeySchema),
  /** How much of the initial picture is drawn anew: 0 keeps it, 1 keeps next to nothing. Absent, 0.75. */
  strength: z.optional(decimal('strength', 0, 1)),
  /** Absent, `stretch`. */
  resizeMode: z.optional(resizeModeSchema),
  /** A picture of the initial picture's shape, by the key of its upload: white where to draw, black where to keep. */
  mask: z.optional(uploadKeySchema),
  /** Keep the white and draw the black. */
  invertMask: z.optional(yesOrNo('invertMask')),
  /** Softens the mask's edge: standard deviation in pixels. Absent, 4. */
  maskBlur: z.optional(decimal('maskBlur', 0, 64)),
  /** Absent, `original`, or `fill` with `outpaint`. */
  maskFill: z.optional(maskFillSchema),
  /** Absent, `whole`. */
  inpaintArea: z.optional(inpaintAreaSchema),
  /** Pixels around the mask that are looked at with `inpaintArea: 'masked'`. Absent, 32. */
  maskPadding: z.optional(integer('maskPadding', 0, 256)),
  /** The initial picture is made as small as its margins require, and they are drawn. */
  outpaint: z.optional(outpaintSchema),
  hires: z.optional(hiresSchema),
};
