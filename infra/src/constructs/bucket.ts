import { Duration, RemovalPolicy, aws_s3 as s3 } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';

/** A bucket that nobody reaches from outside without a signed URL, and that goes with the stack, whatever is in it. */
export function createBucket(scope: Construct, id: string, props: s3.BucketProps = {}): s3.Bucket {
  const { lifecycleRules = [], ...rest } = props;
  const bucket = new s3.Bucket(scope, id, {
    encryption: s3.BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    removalPolicy: RemovalPolicy.DESTROY,
    autoDeleteObjects: true,
    // An upload that was interrupted is invisible, and paid for.
    lifecycleRules: [{ id: 'unfinished', abortIncompleteMultipartUploadAfter: Duration.days(7) }, ...lifecycleRules],
    ...rest,
  });
  const reason =
    'Only this stack’s roles and distribution reach the bucket, and URLs that the roles signed; the API logs each call. Access logs would grow without a reader.';
  acknowledge(bucket, 'S1', reason);
  return bucket;
}
