import { createSafelight, type Safelight } from '@safelight/sdk';
import {
  type GenerateInput,
  type GenerateSettings,
  generateInputSchema,
  type JobImage,
  type ModelInfo,
  type Phase,
  type Warning,
} from '@safelight/sdk/contract';
import type { Engine } from '../engine.ts';
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
  /** The pictures that the input names by key. @defaultValue none */
  pictures?: PictureFiles;
}

/** Makes pictures, here or elsewhere. */
export interface Drawer {
  models(): Promise<readonly ModelInfo[]>;
  draw(input: GenerateInput, options: DrawOptions): Promise<Drawn>;
  /** Waits for what is being drawn: abort it first. */
  close(): Promise<void>;
}

/** Draws on a server, or on this machine where no endpoint is given. */
export function createDrawer(endpoint: string | undefined, config: CliConfig): Drawer {
  return endpoint === undefined ? createLocalDrawer(config) : createRemoteDrawer(endpoint, config);
}

/** Makes pictures on this machine. The engine starts when it is first needed. */
function createLocalDrawer(config: CliConfig): Drawer {
  let opening: Promise<Engine> | undefined;
  const drawing = new Set<Promise<unknown>>();
  const open = () => {
    // Imported here so that drawing on a server needs no inference library.
    opening ??= import('../create-engine.ts').then(({ createEngine }) => createEngine(config));
    return opening;
  };
  return {
    models: async () => (await open()).models(),
    async draw(input, { pictures = {}, ...options }) {
      const engine = await open();
      const settings = engine.resolve(generateInputSchema.parse(input));
      const files = Object.values(pictures);
      const readUpload = async (key: string) => files.find((file) => file.key === key)?.data;
      const generation = engine.generate(settings, { ...options, readUpload });
      drawing.add(generation);
      const { images, warnings } = await generation.finally(() => drawing.delete(generation));
      return { settings, warnings, images };
    },
    async close() {
      // A thread must not be ended in the middle of a step: that would end the process.
      await Promise.allSettled(drawing);
      await (await opening?.catch(() => undefined))?.close();
    },
  };
}

/** Makes pictures on a server. */
function createRemoteDrawer(endpoint: string, { apiKey }: CliConfig): Drawer {
  const safelight = createSafelight({ endpoint, apiKey });
  return {
    models: () => safelight.models.list(),
    async draw(input, { signal, onPhase, pictures = {} }) {
      const keys = await uploadAll(safelight, pictures, signal);
      const { settings, warnings, images } = await safelight.generate(
        { ...input, ...keys },
        {
          signal,
          onProgress: (update) => {
            if (update.status === 'queued' || update.status === 'running') onPhase(update.phase);
          },
        },
      );
      const download = images.map(async (image) => {
        return { ...image, data: new Uint8Array(await safelight.images.arrayBuffer(image, { signal })) };
      });
      return { settings, warnings, images: await Promise.all(download) };
    },
    async close() {},
  };
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
