import { DeleteObjectCommand, PutObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import type { SiteFile } from './aws-account.ts';

const PAGE = 'index.html';

/**
 * Makes these files what a site's bucket holds. The page comes after all that it names, and what it named before goes last:
 * whoever opens the site meanwhile gets the old page or the new one, whole. May be run again after a failure.
 */
export async function sendSite(client: S3Client, bucket: string, files: readonly SiteFile[]): Promise<void> {
  // False comes first.
  const inOrder = [...files].sort((a, b) => Number(a.path === PAGE) - Number(b.path === PAGE));
  for (const { path, body, contentType, cacheControl } of inOrder)
    await client.send(
      new PutObjectCommand({
        ...{ Bucket: bucket, Key: path, Body: body, ContentType: contentType, CacheControl: cacheControl },
      }),
    );
  const wanted = new Set(files.map(({ path }) => path));
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: bucket }))
    for (const { Key } of Contents)
      if (Key !== undefined && !wanted.has(Key)) await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
}
