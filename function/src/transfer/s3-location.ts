import { FunctionError } from '../errors.ts';

/** Where a bundle lies in S3. */
export interface S3Location {
  bucket: string;
  /** What its keys begin with, without a slash at the end; empty for the bucket's top. */
  prefix: string;
}

export function objectKey(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** `s3://bucket/key`, for messages. */
export function s3Uri(bucket: string, key: string): string {
  return key === '' ? `s3://${bucket}` : `s3://${bucket}/${key}`;
}

/** @throws FunctionError `invalid_input` when it is not `s3://bucket` or `s3://bucket/prefix`. */
export function parseS3Uri(uri: string): S3Location {
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(uri) ?? [];
  if (bucket === undefined) {
    throw new FunctionError(
      'invalid_input',
      'Write the place in S3 as s3://bucket/prefix, for example s3://my-models/v1-5.',
    );
  }
  return { bucket, prefix: prefix.replaceAll(/^\/+|\/+$/g, '') };
}
