import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { createEmbeddingFolder } from './add-ons/embedding-folder.ts';
import { createLoraFolder } from './add-ons/loras/find-loras.ts';
import { openMergedBundle } from './add-ons/loras/merged-bundle.ts';
import { ADD_ON_PREFIX } from './aws/environment.ts';
import type { Manifest } from './bundle/manifest.ts';
import { openBundle } from './bundle/open-bundle.ts';
import { DEFAULT_BATCH } from './draw-together.ts';
import { FunctionError } from './errors.ts';
import type { Target } from './graphs/layers/layers.ts';
import type { DiffusionModel } from './pipeline/diffusion-model.ts';
import { openModel } from './runtime/open-model.ts';
import {
  createSingleModelEngine,
  type OpenedModel,
  type OpenOptions,
  type PreparableEngine,
} from './single-model-engine.ts';
import { createTimeline, type Timeline } from './timeline.ts';
import { openRemoteModel } from './transfer/open-remote-model.ts';
import type { TransferProgress } from './transfer/progress.ts';
import { pullBundle } from './transfer/pull-bundle.ts';
import { type RemoteManifest, readRemoteManifest } from './transfer/read-remote-manifest.ts';
import { createRemoteAddOns } from './transfer/remote-add-ons.ts';
import type { S3Location } from './transfer/s3-location.ts';

/** Beside the models, none of which has a name that begins with a dot. */
const ADD_ONS = '.add-ons';

export interface RemoteEngineOptions {
  client: S3Client;
  /**
   * Bundles as `safelight weights push` wrote them; the first is the default model, in whose bucket LoRAs and embeddings
   * lie too.
   */
  locations: readonly S3Location[];
  /** Where their files are kept on this machine, on its fastest disk. */
  modelsDir: string;
  /** What this machine computes with; the bundles must have been converted for it. */
  provider: Target;
  /** How many generations of 512×512 are drawn together, of larger ones fewer. @defaultValue 1 on a processor, 4 on a GPU */
  batch?: number | undefined;
  /** Gets what opening the first model took, and when. @defaultValue nobody asks */
  timeline?: Timeline;
}

/**
 * An engine whose models lie in S3. Their files are fetched when a model is first asked for, and sessions are created
 * while further files arrive.
 * @throws FunctionError as `readRemoteManifest`; `unavailable` for a model that was converted for something else.
 */
export async function createRemoteEngine(options: RemoteEngineOptions): Promise<PreparableEngine> {
  const { client, locations, modelsDir, provider, timeline = createTimeline() } = options;
  const manifests = await timeline.measure('manifests', () =>
    Promise.all(locations.map((location) => readRemoteManifest({ ...location, client }))),
  );
  const models = locations.map((location, i) => {
    const { manifest } = manifests[i] as RemoteManifest;
    if (manifest.target !== provider) throw madeForAnother(manifest, provider);
    const folder = join(modelsDir, manifest.model.name);
    const place = { ...location, client, folder, cacheDir: join(modelsDir, ADD_ONS), timeline };
    const open = (opening: OpenOptions) => openRemote(place, opening);
    return { info: manifest.model, open };
  });
  const addOnsIn = (kind: keyof typeof ADD_ON_PREFIX) => {
    const bucket = locations[0]?.bucket ?? '';
    return createRemoteAddOns({ client, bucket, prefix: ADD_ON_PREFIX[kind], folder: join(modelsDir, ADD_ONS, kind) });
  };
  return createSingleModelEngine(models, models[0]?.info.name ?? '', {
    batch: options.batch ?? DEFAULT_BATCH[provider],
    loras: createLoraFolder(addOnsIn('loras')),
    embeddings: createEmbeddingFolder(addOnsIn('embeddings')),
  });
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
  /** Where models with LoRAs added are kept. */
  cacheDir: string;
  timeline: Timeline;
}

async function openRemote(place: RemoteFolder, opening: OpenOptions): Promise<OpenedModel> {
  const { host, settings, loras, signal, onPhase } = opening;
  const start = performance.now();
  let downloadMs: number | undefined;
  const onProgress = ({ transferredBytes, totalBytes, reusedBytes }: TransferProgress) => {
    // Sessions are created meanwhile: what is left of the time after the last byte is loading.
    if (transferredBytes > reusedBytes) downloadMs = performance.now() - start;
    onPhase({ name: 'loading', loadedBytes: transferredBytes, totalBytes });
  };
  const model =
    loras.length === 0
      ? (await openRemoteModel({ ...place, host, settings, onProgress })).model
      : await openMerged(place, opening, (await pullBundle({ ...place, signal, onProgress })).folder);
  return { model, ...(downloadMs === undefined ? {} : { downloadMs }) };
}

/** LoRAs can only be added to a model that is here as a whole. */
async function openMerged(
  { cacheDir }: RemoteFolder,
  { host, settings, loras, signal, onPhase }: OpenOptions,
  folder: string,
): Promise<DiffusionModel> {
  const onMerge = () => onPhase({ name: 'provisioning' });
  const merged = await openMergedBundle(await openBundle(folder), loras, { cacheDir, onMerge, signal });
  return { ...(await openModel(merged.bundle, host, settings)), loras: merged.loras };
}
