import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeBytes } from '../../../function/src/bundle/file-entry.ts';
import { type Manifest, manifestSchema } from '../../../function/src/bundle/manifest.ts';
import { openEmbeddedBundle } from '../../support/embedded-model.ts';
import type { S3Server } from '../../support/s3-server.ts';

/** Small, so that a test's files have several; the S3 of the tests is told to take such parts. */
export const TEST_PART_BYTES = 64 * 1024;

export interface TestBundle {
  manifest: Manifest;
  files: Map<string, Buffer>;
}

export const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** Bytes that differ everywhere, the same for the same seed. */
export function noise(length: number, seed = 1): Buffer {
  const data = Buffer.allocUnsafe(length);
  let state = seed;
  for (let i = 0; i < length; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = state >>> 24;
  }
  return data;
}

/** A bundle in form only: what is in its files is noise. */
export async function makeTestBundle({ seed = 1 } = {}): Promise<TestBundle> {
  const files = new Map([
    ['tokenizer.json', Buffer.from('{}')],
    ['text_encoder.onnx', noise(900, seed)],
    ['text_encoder.weights', noise(TEST_PART_BYTES * 3 + 17, seed + 1)],
    ['unet.onnx', noise(1200, seed + 2)],
    ['unet.weights', noise(TEST_PART_BYTES * 10, seed + 3)],
    ['vae_decoder.onnx', noise(700, seed + 4)],
    ['vae_decoder.weights', noise(TEST_PART_BYTES, seed + 5)],
    ['notes.txt', Buffer.alloc(0)],
  ]);
  const { manifest } = await openEmbeddedBundle();
  const entries = [...files].map(([name, data]) => [name, describeBytes(data, TEST_PART_BYTES)]);
  return { manifest: manifestSchema.parse({ ...manifest, files: Object.fromEntries(entries) }), files };
}

export const encodeManifest = (manifest: Manifest): Buffer => Buffer.from(`${JSON.stringify(manifest)}\n`);

/** Puts a bundle where `pushBundle` would. */
export function storeBundle(server: S3Server, { manifest, files }: TestBundle, path = 'models/v1'): void {
  for (const [name, data] of files) server.put(`${path}/${name}`, data);
  server.put(`${path}/manifest.json`, encodeManifest(manifest));
}

export async function writeBundle(folder: string, { manifest, files }: TestBundle): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, data] of files) await writeFile(join(folder, name), data);
  await writeFile(join(folder, 'manifest.json'), encodeManifest(manifest));
}
