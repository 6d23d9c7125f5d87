import {
  Annotations,
  aws_certificatemanager as certificates,
  aws_cloudfront as cloudfront,
  Duration,
  Fn,
} from 'aws-cdk-lib';
import { FunctionUrlOrigin, HttpOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import type { Config } from '../config.ts';
import type { Api } from './api.ts';
import type { Playground } from './playground.ts';

/** CDK reminds of a default root object where an origin may list its bucket. */
const LISTING_WARNING = '@aws-cdk/aws-cloudfront-origins:listBucketSecurityRisk';

export interface EndpointProps {
  readonly api: Api;
  readonly domain: Config['domain'];
  /** Shown at the endpoint's address; without it, the API answers there. */
  readonly playground?: Playground | undefined;
}

/**
 * One address for calls and for progress: API Gateway holds answers back until they are whole, so the stream comes from
 * a Function URL, and CloudFront puts both behind one name. It caches nothing of them, and costs nothing while nobody calls.
 */
export class Endpoint extends Construct {
  /** Address that the SDK calls. */
  readonly url: string;
  /** Name of the distribution, which a CNAME record of the own domain must point to. */
  readonly domainTarget: string;

  constructor(scope: Construct, id: string, { api, domain, playground }: EndpointProps) {
    super(scope, id);
    const common = {
      allowedMethods: cloudfront.AllowedMethods.ALLOW_ALL,
      cachePolicy: cloudfront.CachePolicy.CACHING_DISABLED,
      // With the API key; without the host, by which either origin knows itself.
      originRequestPolicy: cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
      viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
      compress: false,
    };
    const calls = { origin: new HttpOrigin(Fn.select(2, Fn.split('/', api.httpApi.apiEndpoint))), ...common };
    // As long as CloudFront lets an origin be silent.
    const stream = { origin: new FunctionUrlOrigin(api.streamUrl, { readTimeout: Duration.seconds(60) }), ...common };
    const watchPath = '/trpc/jobs.watch*';
    const distribution = new cloudfront.Distribution(this, 'Distribution', {
      comment: 'Safelight',
      // The first path that matches counts.
      ...(playground === undefined
        ? { defaultBehavior: calls, additionalBehaviors: { [watchPath]: stream } }
        : {
            defaultBehavior: playground.behavior,
            additionalBehaviors: { [watchPath]: stream, '/trpc/*': calls },
            defaultRootObject: 'index.html',
          }),
      ...(domain === undefined
        ? {}
        : {
            domainNames: [domain.name],
            minimumProtocolVersion: cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            certificate: certificates.Certificate.fromCertificateArn(this, 'Certificate', domain.certificateArn),
          }),
    });
    this.domainTarget = distribution.distributionDomainName;
    this.url = `https://${domain?.name ?? this.domainTarget}`;
    this.acknowledgeFindings(distribution);
    // Nobody gets the list of files: the empty path is the page, and no query is passed on.
    if (playground !== undefined) Annotations.of(distribution).acknowledgeWarning(LISTING_WARNING);
  }

  private acknowledgeFindings(distribution: cloudfront.Distribution): void {
    const anywhere = 'Whoever has a key may call from anywhere.';
    acknowledge(distribution, 'CFR1', anywhere);
    acknowledge(
      distribution,
      'CFR2',
      'Every call needs a key, is throttled and counted; a firewall costs a monthly fee.',
    );
    acknowledge(distribution, 'CFR3', 'API Gateway logs each call; a second log would need a bucket with ACLs.');
    acknowledge(
      distribution,
      'CFR4',
      'CloudFront’s own name knows no minimum; with an own domain TLS 1.2 is asked for.',
    );
  }
}
