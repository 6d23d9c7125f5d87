import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { createLoraFinder } from './add-ons/loras/find-loras.ts';
import type { Manifest } from './bundle/manifest.ts';
import { FunctionError } from './errors.ts';
import type { Target } from './graphs/layers/layers.ts';
import {
  createSingleModelEngine,
  type OpenedModel,
  type OpenOptions,
  type PreparableEngine,
} from './single-model-engine.ts';
import { openRemoteModel } from './transfer/open-remote-model.ts';
import { readRemoteManifest } from './transfer/read-remote-manifest.ts';
import type { S3Location } from './transfer/s3-location.ts';

export interface RemoteEngineOptions {
  client: S3Client;
  /** Bundles as `safelight weights push` wrote them; the first is the default model. */
  locations: readonly S3Location[];
  /** Where their files are kept on this machine, on its fastest disk. */
  modelsDir: string;
  /** What this machine computes with; the bundles must have been converted for it. */
  provider: Target;
}

/**
 * An engine whose models lie in S3. Their files are fetched when a model is first asked for, and sessions are created
 * while further files arrive.
 * @throws FunctionError as `readRemoteManifest`; `unavailable` for a model that was converted for something else.
 */
export async function createRemoteEngine(options: RemoteEngineOptions): Promise<PreparableEngine> {
  const { client, locations, modelsDir, provider } = options;
  const models = await Promise.all(
    locations.map(async (location) => {
      const { manifest } = await readRemoteManifest({ ...location, client });
      if (manifest.target !== provider) throw madeForAnother(manifest, provider);
      const folder = join(modelsDir, manifest.model.name);
      const open = (opening: OpenOptions) => openRemote({ ...location, client, folder }, opening);
      return { info: manifest.model, open };
    }),
  );
  return createSingleModelEngine(models, models[0]?.info.name ?? '', { findLoras: createLoraFinder(undefined) });
}

function madeForAnother({ model, target }: Manifest, provider: Target): FunctionError {
  const advice = `convert it with --target ${provider}, and push it again`;
  return new FunctionError(
    'unavailable',
    `The model ${model.name} was converted for ${target}, not ${provider}: ${advice}`,
  );
}

interface RemoteFolder extends S3Location {
  client: S3Client;
  folder: string;
}

async function openRemote(place: RemoteFolder, { host, settings, onPhase }: OpenOptions): Promise<OpenedModel> {
  const start = performance.now();
  let downloadMs: number | undefined;
  const { model } = await openRemoteModel({
    ...place,
    host,
    settings,
    onProgress({ transferredBytes, totalBytes, reusedBytes }) {
      // Sessions are created meanwhile: what is left of the time after the last byte is loading.
      if (transferredBytes > reusedBytes) downloadMs = performance.now() - start;
      onPhase({ name: 'loading', loadedBytes: transferredBytes, totalBytes });
    },
  });
  return { model, ...(downloadMs === undefined ? {} : { downloadMs }) };
}
