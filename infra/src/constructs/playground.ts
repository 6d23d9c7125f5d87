import { createSecurityHeaders } from '@safelight/function/api/page-headers';
import { aws_cloudfront as cloudfront, Duration, Stack, type aws_s3 as s3 } from 'aws-cdk-lib';
import { S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import { Construct } from 'constructs';
import { createBucket } from './bucket.ts';

export interface PlaygroundProps {
  /** Where the page loads pictures from and sends uploads to, by signed URLs. */
  readonly images: s3.Bucket;
}

/**
 * The playground's files, for the endpoint's distribution to show at its own address: page and API are of one origin, as
 * with `safelight serve`, so calls need no CORS, and the key goes nowhere else. `deploy` puts the files here.
 */
export class Playground extends Construct {
  readonly bucket: s3.Bucket;
  /** How the distribution answers everything that is none of the API's. */
  readonly behavior: cloudfront.BehaviorOptions;

  constructor(scope: Construct, id: string, { images }: PlaygroundProps) {
    super(scope, id);
    this.bucket = createBucket(this, 'Files');
    this.behavior = {
      // Who may list hears that a file is missing; to others S3 says that it is forbidden.
      // The cast: CDK's types are not made for exactOptionalPropertyTypes.
      origin: S3BucketOrigin.withOriginAccessControl(this.bucket as s3.IBucket, {
        originAccessLevels: [cloudfront.AccessLevel.READ, cloudfront.AccessLevel.LIST],
      }),
      allowedMethods: cloudfront.AllowedMethods.ALLOW_GET_HEAD,
      // As the files' own headers say: those with a hash in their names for good, the others for a second.
      cachePolicy: cloudfront.CachePolicy.CACHING_OPTIMIZED,
      responseHeadersPolicy: this.createHeadersPolicy(images),
      // People type addresses without the scheme.
      viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
      compress: true,
    };
  }

  /** The headers that the server itself sends, with the bucket as the only other address. */
  private createHeadersPolicy(images: s3.Bucket): cloudfront.ResponseHeadersPolicy {
    // As the AWS SDK addresses the bucket in the URLs it signs.
    const headers = createSecurityHeaders(`https://${images.bucketName}.s3.${Stack.of(this).region}.amazonaws.com`);
    const override = true;
    const opener = 'cross-origin-opener-policy';
    return new cloudfront.ResponseHeadersPolicy(this, 'Headers', {
      comment: 'Safelight: the playground',
      securityHeadersBehavior: {
        contentSecurityPolicy: { contentSecurityPolicy: headers['content-security-policy'], override },
        contentTypeOptions: { override },
        frameOptions: { frameOption: cloudfront.HeadersFrameOption.DENY, override },
        referrerPolicy: { referrerPolicy: cloudfront.HeadersReferrerPolicy.NO_REFERRER, override },
        strictTransportSecurity: { accessControlMaxAge: Duration.days(365), override },
      },
      customHeadersBehavior: { customHeaders: [{ header: opener, value: headers[opener], override }] },
    });
  }
}
