import { dirname } from 'node:path';
import { pushBundle } from '../../../function/src/transfer/push-bundle.ts';
import { openEmbeddedBundle } from '../embedded-model.ts';
import type { S3Server } from '../s3-server.ts';

/** Puts the model that comes with the package where a deployment keeps models: `s3://models/mini`. */
export async function pushEmbeddedModel(s3: S3Server): Promise<{ bucket: string; prefix: string }> {
  const { graphPath } = await openEmbeddedBundle();
  const place = { bucket: 'models', prefix: 'mini' };
  await pushBundle({ ...place, client: s3.client(), folder: dirname(graphPath('unet')) });
  return place;
}
