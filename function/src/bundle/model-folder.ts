import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ModelInfo, modelInfoSchema, samplerSchema } from '@safelight/sdk/contract';
import * as z from 'zod/mini';
import { openSafetensors } from '../checkpoint/safetensors.ts';
import { FunctionError } from '../errors.ts';
import type { Target } from '../graphs/layers/layers.ts';
import { type ModelConfig, modelConfigSchema } from '../graphs/model-config.ts';
import { checkSha256 } from './check-files.ts';
import { compileBundle } from './compile.ts';

/** `model.json`: what a checkpoint cannot say about itself. */
const descriptionSchema = z.object({
  name: modelInfoSchema.shape.name,
  version: z.string(),
  description: z.string(),
  license: modelInfoSchema.shape.license,
  limits: modelInfoSchema.shape.limits,
  checkpoint: z.object({ file: z.string(), sha256: z.string() }),
  /** Words of the training captions beside the names of what they show. */
  grammar: z.array(z.string()),
});

/** `config.json`, as the training writes it. */
const configSchema = z.extend(modelConfigSchema, {
  defaults: z.object({ sampler: samplerSchema, steps: z.number(), guidance: z.number() }),
});

/** `concepts.json`: what the model was trained to draw, each thing under one or more names. */
const conceptsSchema = z.array(z.object({ names: z.array(z.string()).check(z.minLength(1)) }));

/** A model as it is shipped: a checkpoint with its configuration, description and vocabulary beside it. */
export interface ModelFolder {
  readonly info: ModelInfo;
  readonly config: ModelConfig;
  /** Of everything a bundle is made from: checkpoint, configuration, description, vocabulary. */
  readonly digest: string;
  /** Writes the model's bundle into a folder that does not exist yet. */
  compile(bundleFolder: string, target: Target): Promise<void>;
}

/** @throws FunctionError `model_corrupt` when a file is missing or not what it should be. */
export async function readModelFolder(folder: string): Promise<ModelFolder> {
  const description = await readJson(folder, 'model.json', descriptionSchema);
  const { defaults, ...config } = await readJson(folder, 'config.json', configSchema);
  const concepts = await readJson(folder, 'concepts.json', conceptsSchema);
  const { checkpoint, grammar, ...about } = description;
  const names = concepts.flatMap((concept) => concept.names);
  const info: ModelInfo = {
    ...about,
    defaults: {
      width: config.image_size,
      height: config.image_size,
      steps: defaults.steps,
      guidanceScale: defaults.guidance,
      sampler: defaults.sampler,
    },
    concepts: concepts.map((concept) => concept.names[0] as string),
  };
  const vocabulary = [...new Set([...grammar, ...names.flatMap((name) => [name, ...name.split(' ')])])];

  return {
    info,
    config,
    digest: createHash('sha256')
      .update(JSON.stringify([checkpoint.sha256, info, config, vocabulary]))
      .digest('hex'),
    async compile(bundleFolder, target) {
      const path = join(folder, checkpoint.file);
      await checkSha256(path, checkpoint.file, checkpoint.sha256);
      const source = await openSafetensors(path);
      try {
        const sourceSha256 = checkpoint.sha256;
        await compileBundle(bundleFolder, {
          checkpoint: source,
          sourceSha256,
          model: info,
          config,
          vocabulary,
          target,
        });
      } finally {
        await source.close();
      }
    },
  };
}

async function readJson<Schema extends z.ZodMiniType>(
  folder: string,
  name: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  try {
    return schema.parse(JSON.parse(await readFile(join(folder, name), 'utf8')));
  } catch (cause) {
    throw new FunctionError('model_corrupt', `The model's ${name} is missing or damaged: install Safelight again.`, {
      cause,
    });
  }
}
