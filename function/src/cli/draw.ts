import { createSafelight, type Safelight } from '@safelight/sdk';
import {
  type GenerateInput,
  type GenerateSettings,
  generateInputSchema,
  type JobImage,
  type Phase,
  type Warning,
} from '@safelight/sdk/contract';
import type { CliConfig } from './config.ts';
import type { PictureFiles } from './sent-pictures.ts';

/** A picture, and what is known of it. */
export type DrawnImage = Pick<JobImage, 'seed' | 'width' | 'height' | 'safety'> & { data: Uint8Array };

export interface Drawn {
  settings: GenerateSettings;
  warnings: Warning[];
  images: DrawnImage[];
}

export interface DrawOptions {
  signal: AbortSignal;
  onPhase: (phase: Phase) => void;
  /** The pictures that the input names by key. */
  pictures: PictureFiles;
}

/** Makes pictures on this machine. */
export async function drawLocally(input: GenerateInput, config: CliConfig, options: DrawOptions): Promise<Drawn> {
  // Imported here so that drawing on a server needs no inference library.
  const { createEngine } = await import('../create-engine.ts');
  const engine = await createEngine(config);
  try {
    const settings = engine.resolve(generateInputSchema.parse(input));
    const files = Object.values(options.pictures);
    const readUpload = async (key: string) => files.find((file) => file.key === key)?.data;
    const { images, warnings } = await engine.generate(settings, { ...options, readUpload });
    return { settings, warnings, images };
  } finally {
    await engine.close();
  }
}

/** Makes pictures on a server. */
export async function drawRemotely(
  input: GenerateInput,
  endpoint: string,
  config: CliConfig,
  { signal, onPhase, pictures }: DrawOptions,
): Promise<Drawn> {
  const safelight = createSafelight({ endpoint, apiKey: config.apiKey });
  const keys = await uploadAll(safelight, pictures, signal);
  const result = await safelight.generate(
    { ...input, ...keys },
    {
      signal,
      onProgress: (update) => {
        if (update.status === 'queued' || update.status === 'running') onPhase(update.phase);
      },
    },
  );
  const images = await Promise.all(
    result.images.map(async (image) => {
      const data = new Uint8Array(await safelight.images.arrayBuffer(image, { signal }));
      return { ...image, data };
    }),
  );
  return { settings: result.settings, warnings: result.warnings, images };
}

/** Sends the pictures, and says under which keys the server has them. */
async function uploadAll(
  safelight: Pick<Safelight, 'upload'>,
  pictures: PictureFiles,
  signal: AbortSignal,
): Promise<{ initImage?: string; mask?: string }> {
  const keys: { initImage?: string; mask?: string } = {};
  for (const [field, { data }] of Object.entries(pictures)) {
    keys[field as keyof PictureFiles] = (await safelight.upload(data, { signal })).key;
  }
  return keys;
}
