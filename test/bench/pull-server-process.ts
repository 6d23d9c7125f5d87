/** A server with a bundle of one large file, for `pull.ts`: `pull-server-process.ts MEGABYTES LATENCY_MS`. It says where it is. */
import { describeBytes } from '../../function/src/bundle/file-entry.ts';
import { manifestSchema } from '../../function/src/bundle/manifest.ts';
import { encodeManifest, noise } from '../function/transfer/test-bundle.ts';
import { openEmbeddedBundle } from '../support/embedded-model.ts';
import { startS3Server } from '../support/s3-server.ts';

const [megabytes, latencyMs] = process.argv.slice(2).map(Number) as [number, number];
const server = await startS3Server();
const data = noise(megabytes * 1e6);
const { manifest } = await openEmbeddedBundle();
const files = { 'unet.weights': describeBytes(data) };
server.put('models/v1/manifest.json', encodeManifest(manifestSchema.parse({ ...manifest, files })));
server.put('models/v1/unet.weights', data);
if (latencyMs > 0) server.inject({ latencyMs }, () => true);
process.send?.(server.endpoint);
