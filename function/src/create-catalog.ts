import type { S3Client } from '@aws-sdk/client-s3';
import type { SafetyPolicy } from '@safelight/sdk/contract';
import { createModelCatalog, type ModelCatalog } from './model-catalog.ts';
import { readRemoteManifest } from './transfer/read-remote-manifest.ts';
import type { S3Location } from './transfer/s3-location.ts';

/**
 * What there is to know of bundles in S3, read from their manifests: enough to check and complete requests.
 * @param locations the first is the default model.
 * @param leastSafety The least strict policy that callers can ask for. @defaultValue `flag`
 * @throws FunctionError as `readRemoteManifest`.
 */
export async function createCatalog(
  client: S3Client,
  locations: readonly S3Location[],
  leastSafety?: SafetyPolicy,
): Promise<ModelCatalog> {
  const manifests = await Promise.all(locations.map((location) => readRemoteManifest({ ...location, client })));
  const infos = manifests.map(({ manifest }) => manifest.model);
  return createModelCatalog(infos, infos[0]?.name ?? '', leastSafety);
}
