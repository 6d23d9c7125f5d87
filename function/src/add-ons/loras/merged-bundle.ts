import { createHash } from 'node:crypto';
import { readdir, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { discard, openCachedFolder } from '../../bundle/cached-folder.ts';
import { fingerprint } from '../../bundle/file-entry.ts';
import { hashFiles } from '../../bundle/hash-files.ts';
import { BUNDLE_FORMAT_VERSION, graphFile } from '../../bundle/manifest.ts';
import { mergeDeltas } from '../../bundle/merge-deltas.ts';
import type { Bundle } from '../../bundle/open-bundle.ts';
import { createDeltaSource, type WeightedLora } from '../../checkpoint/lora/delta-source.ts';
import { readLora } from '../../checkpoint/lora/read-lora.ts';
import { openFile } from '../../checkpoint/open-file.ts';
import type { CheckpointFile } from '../../checkpoint/tensor-source.ts';
import { FunctionError } from '../../errors.ts';
import type { AddedLora } from '../../pipeline/diffusion-model.ts';
import type { FoundLora } from './find-loras.ts';

/** Raised whenever the same LoRAs would give other weights. */
const MERGE_VERSION = 1;
/** Of a full-size model, each has up to 4.2 GB. */
const KEPT_MERGES = 4;
/** Whoever has just opened a merged model may not have loaded it yet. */
const IN_USE_MS = 2 * 60 * 1000;

export interface MergeOptions {
  /** Where merged weights are kept: the latest four, and those in use. */
  cacheDir: string;
  /** Called when they are not there yet and are about to be made. */
  onMerge?: () => void;
  /** Ends the merging. */
  signal?: AbortSignal;
}

export interface MergedBundle {
  readonly bundle: Bundle;
  readonly loras: readonly AddedLora[];
}

/**
 * A bundle with LoRAs added: the networks that they change come from the cache, where they are made first if need be, and
 * everything else from the bundle. The cache knows them by what they are made from: nobody else's weights are found there.
 * @throws FunctionError `invalid_input` naming the field of a LoRA that does not fit the model; `model_corrupt` for a
 * damaged file; `storage_full`.
 */
export async function openMergedBundle(
  bundle: Bundle,
  loras: readonly FoundLora[],
  { cacheDir, onMerge, signal }: MergeOptions,
): Promise<MergedBundle> {
  const files: CheckpointFile[] = [];
  try {
    const weighted: WeightedLora[] = [];
    for (const { path, name, field, unetWeight, textEncoderWeight } of loras) {
      const file = await openFile(path);
      files.push(file);
      const lora = withField(field, () => readLora(file, bundle.manifest.config, name));
      weighted.push({ lora, unetWeight, textEncoderWeight });
    }
    const added = loras.map(({ name, hash }, i) => ({
      name,
      hash,
      unusedTensors: weighted[i]?.lora.unusedTensors ?? 0,
    }));
    const deltas = createDeltaSource(weighted, bundle.manifest.config);
    if (deltas.isEmpty) return { bundle, loras: added };

    const folder = join(cacheDir, 'merged');
    const name = `${bundle.manifest.model.name}-${digestOf(bundle, loras)}`;
    const merged = await openCachedFolder({
      cacheDir: folder,
      name,
      async make(unfinished) {
        onMerge?.();
        await removeOldest(folder);
        await mergeDeltas(unfinished, bundle, deltas, signal);
        await checkUnchanged(loras, signal);
      },
    });
    await touch(join(folder, name));
    return { bundle: overlay(bundle, merged), loras: added };
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

/** The cache would know a file that was replaced meanwhile by the checksum of the one before. */
async function checkUnchanged(loras: readonly FoundLora[], signal: AbortSignal | undefined): Promise<void> {
  const found = await hashFiles(
    loras.map(({ path }) => path),
    signal,
  );
  const changed = loras.find(({ sha256 }, i) => sha256 !== found[i]);
  if (changed === undefined) return;
  const message = `The LoRA ${changed.name} changed while it was read: try again.`;
  throw new FunctionError('unavailable', message, { field: changed.field, isRetryable: true });
}

/** @throws What `read` does, saying which field of the input is at fault. */
function withField<Result>(field: FoundLora['field'], read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FunctionError) || error.code !== 'invalid_input') throw error;
    throw new FunctionError('invalid_input', error.message, { field, cause: error });
  }
}

/** What goes into the merged weights: the bundle's, the LoRAs' files, how strongly each counts, and in which order. */
function digestOf({ manifest }: Bundle, loras: readonly FoundLora[]): string {
  const files = Object.entries(manifest.files).map(([name, entry]) => [name, fingerprint(entry)]);
  const added = loras.map(({ sha256, unetWeight, textEncoderWeight }) => [sha256, unetWeight, textEncoderWeight]);
  return createHash('sha256')
    .update(JSON.stringify([BUNDLE_FORMAT_VERSION, MERGE_VERSION, files.sort(), added]))
    .digest('hex')
    .slice(0, 32);
}

function overlay(bundle: Bundle, merged: Bundle): Bundle {
  return {
    ...bundle,
    graphPath(component) {
      const isMerged = Object.hasOwn(merged.manifest.files, graphFile(component));
      return (isMerged ? merged : bundle).graphPath(component);
    },
  };
}

/** Its time of change is when it was last used. */
async function touch(folder: string): Promise<void> {
  const now = new Date();
  // In a folder that cannot be written to, nothing is removed either.
  await utimes(folder, now, now).catch(() => undefined);
}

/** Makes room for one more. */
async function removeOldest(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => !name.endsWith('.tmp'));
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const usedMs = await stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => Number.POSITIVE_INFINITY, // Another process was faster.
      );
      return { path, usedMs };
    }),
  );
  found.sort((a, b) => b.usedMs - a.usedMs);
  for (const { path, usedMs } of found.slice(KEPT_MERGES - 1)) {
    if (usedMs < Date.now() - IN_USE_MS) await discard(path);
  }
}
