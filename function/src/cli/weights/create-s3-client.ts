import type { S3Client } from '@aws-sdk/client-s3';

/**
 * A client with the credentials and region of the environment or the AWS configuration files. Loaded when it is needed:
 * other commands do without the AWS SDK.
 */
export async function createS3Client(): Promise<S3Client> {
  // The SDK warns users of Node 20 of a version to come; the one that is installed supports it.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const { S3Client } = await import('@aws-sdk/client-s3');
  return new S3Client({});
}
