import { createHash, randomBytes } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { type AddOn, type AddOnSource, pickAddOns } from '../add-ons/add-on-folder.ts';
import { PART_BYTES } from '../bundle/file-entry.ts';
import { explainDiskError } from '../disk-errors.ts';
import { FunctionError } from '../errors.ts';
import { explainS3Error, isTransientS3Error } from './explain-s3-error.ts';
import { fetchRange } from './fetch-range.ts';
import { startPartWriter } from './incoming-file.ts';
import { makeFolder } from './local-copy.ts';
import { withRetries } from './with-retries.ts';

/** The largest LoRAs of Stable Diffusion v1 have half of this. */
const MAX_FILE_BYTES = 2 * 1024 ** 3;

export interface RemoteAddOnsParams {
  client: S3Client;
  bucket: string;
  /** What the keys begin with, with a slash at the end. */
  prefix: string;
  /** Where files are kept on this machine. */
  folder: string;
  /** @defaultValue 4 */
  tries?: number;
  /** Before the second try; doubled with each. @defaultValue 200 */
  retryDelayMs?: number;
}

interface RemoteFile {
  key: string;
  bytes: number;
}

/**
 * Add-ons in S3, each fetched when it is first wanted. A file's place on this machine is made from its key and its
 * version, so that no key leads out of the folder, and a changed object is another file.
 */
export function createRemoteAddOns(params: RemoteAddOnsParams): AddOnSource {
  const { client, bucket, prefix, folder, tries = 4, retryDelayMs = 200 } = params;
  const files = new Map<string, RemoteFile>();
  const bringing = new Map<string, Promise<void>>();

  function ask<Answer>(key: string, permission: string, request: () => Promise<Answer>): Promise<Answer> {
    const retries = { tries, delayMs: retryDelayMs, isRetryable: isTransientS3Error };
    return withRetries(request, retries).catch((error: unknown) => {
      throw explainS3Error(error, { bucket, key, permission });
    });
  }

  async function list(extensions: readonly string[]): Promise<Map<string, AddOn>> {
    const pathByKey = new Map<string, string>();
    let ContinuationToken: string | undefined;
    do {
      const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken });
      const page = await ask(prefix, 's3:ListBucket', () => client.send(command));
      for (const { Key: key = '', Size: bytes = 0, ETag: version = '' } of page.Contents ?? []) {
        const path = placeOf(folder, key, version);
        pathByKey.set(key, path);
        files.set(path, { key, bytes });
      }
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    const picked = pickAddOns([...pathByKey.keys()], extensions);
    return new Map([...picked].map(([name, addOn]) => [name, { name, path: pathByKey.get(addOn.path) ?? '' }]));
  }

  async function fetchPart(fd: number, { key, bytes }: RemoteFile, offset: number): Promise<void> {
    const writer = startPartWriter(fd, offset);
    const length = Math.min(PART_BYTES, bytes - offset);
    const { signal } = new AbortController();
    try {
      await fetchRange({ client, bucket, key, offset, length, objectBytes: bytes, onChunk: writer.add, signal });
    } finally {
      await writer.finish();
    }
  }

  async function fetchFile(path: string, wanted: RemoteFile): Promise<void> {
    const { key, bytes } = wanted;
    if (bytes === 0 || bytes > MAX_FILE_BYTES)
      throw new FunctionError(
        'model_corrupt',
        `The add-on ${JSON.stringify(key)} has ${bytes} bytes: upload it again.`,
      );
    await makeFolder(folder);
    const unfinished = `${path}.${randomBytes(6).toString('hex')}.tmp`;
    try {
      await ask(key, 's3:GetObject', async () => {
        const file = await open(unfinished, 'w', 0o600);
        try {
          // Part by part, so that no more waits in memory than one, however slow the disk is.
          for (let offset = 0; offset < bytes; offset += PART_BYTES) await fetchPart(file.fd, wanted, offset);
        } finally {
          await file.close();
        }
      });
      await rename(unfinished, path);
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => undefined);
      throw explainDiskError(error, folder, 'make room on it');
    }
  }

  return {
    list,
    async bring({ path }) {
      const wanted = files.get(path);
      const found = await stat(path).catch(() => undefined);
      if (wanted === undefined || found?.size === wanted.bytes) return;
      const fetching = bringing.get(path) ?? fetchFile(path, wanted).finally(() => bringing.delete(path));
      bringing.set(path, fetching);
      await fetching;
    },
  };
}

function placeOf(folder: string, key: string, version: string): string {
  const digest = createHash('sha256').update(`${key}\n${version}`).digest('hex').slice(0, 32);
  const extension = /^\.[a-z]{1,16}$/.exec(extname(key).toLowerCase())?.[0] ?? '';
  return join(folder, `${digest}${extension}`);
}
