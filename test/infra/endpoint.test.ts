/** What callers reach, and what calls them: the API behind its endpoint, and webhooks. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Match } from 'aws-cdk-lib/assertions';
import { CachePolicy, OriginRequestPolicy } from 'aws-cdk-lib/aws-cloudfront';
import { only, synthesize } from './synthesize.ts';

const { template, resources } = synthesize();

describe('the API', () => {
  it('asks an authorizer before it calls the router, and forgets its answer after a minute', () => {
    const routes = resources('AWS::ApiGatewayV2::Route').map(([, { Properties }]) => Properties);
    assert.deepEqual(routes.map(({ RouteKey }) => RouteKey).sort(), ['GET /trpc/{proxy+}', 'POST /trpc/{proxy+}']);
    for (const { AuthorizationType, AuthorizerId } of routes) {
      assert.equal(AuthorizationType, 'CUSTOM');
      assert.ok(AuthorizerId);
    }
    template.hasResourceProperties('AWS::ApiGatewayV2::Authorizer', {
      ...{ EnableSimpleResponses: true, AuthorizerResultTtlInSeconds: 60 },
      IdentitySource: ['$request.header.Authorization'],
    });
  });

  it('is throttled, and writes down calls without their inputs', () => {
    const stage = only(resources('AWS::ApiGatewayV2::Stage'));
    const { DefaultRouteSettings, AccessLogSettings } = stage.Properties as Record<string, Record<string, unknown>>;
    assert.deepEqual(DefaultRouteSettings, { ThrottlingBurstLimit: 100, ThrottlingRateLimit: 50 });
    assert.doesNotMatch(String(AccessLogSettings?.Format), /querystring|authorization|requestBody/i);
  });

  it('answers before API Gateway gives up; progress may stream for a quarter of an hour', () => {
    const timeouts = Object.fromEntries(
      resources('AWS::Lambda::Function').map(([, { Properties }]) => [Properties.Description, Properties.Timeout]),
    );
    assert.ok(timeouts['Safelight: the API'] < 30);
    assert.equal(timeouts['Safelight: progress of jobs'], 900);
    template.hasResourceProperties('AWS::Lambda::Url', { InvokeMode: 'RESPONSE_STREAM' });
  });

  it('lets no job be less strict about flagged pictures than the configuration says', () => {
    synthesize({ safety: 'block' }).template.hasResourceProperties('AWS::Lambda::Function', {
      Description: 'Safelight: the API',
      Environment: { Variables: Match.objectLike({ SAFELIGHT_SAFETY: 'block' }) },
    });
  });

  it('answers web pages only where it is told to', () => {
    const closed = resources('AWS::ApiGatewayV2::Api')[0]?.[1].Properties;
    assert.equal(closed.CorsConfiguration, undefined);
    const open = synthesize({ corsOrigins: ['https://app.example.com'] });
    open.template.hasResourceProperties('AWS::ApiGatewayV2::Api', {
      CorsConfiguration: { AllowOrigins: ['https://app.example.com'] },
    });
    open.template.hasResourceProperties('AWS::Lambda::Url', {
      Cors: { AllowOrigins: ['https://app.example.com'] },
    });
  });
});

describe('the endpoint', () => {
  const { DistributionConfig: config } = only(resources('AWS::CloudFront::Distribution')).Properties;
  const behaviors = [config.DefaultCacheBehavior, ...config.CacheBehaviors];
  const originOf = ({ TargetOriginId }: { TargetOriginId: string }) =>
    JSON.stringify(config.Origins.find(({ Id }: { Id: string }) => Id === TargetOriginId).DomainName);

  it('has progress streamed by a function, and everything else answered by the API', () => {
    const [stream] = config.CacheBehaviors;
    assert.equal(stream.PathPattern, '/trpc/jobs.watch*');
    assert.match(originOf(stream), /ApiStreamFunctionUrl/);
    assert.match(originOf(config.DefaultCacheBehavior), /ApiHttpApi/);
  });

  it('caches nothing, changes nothing, and passes the API key on', () => {
    for (const { CachePolicyId, OriginRequestPolicyId, Compress, ViewerProtocolPolicy } of behaviors) {
      assert.equal(CachePolicyId, CachePolicy.CACHING_DISABLED.cachePolicyId);
      assert.equal(OriginRequestPolicyId, OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER.originRequestPolicyId);
      assert.deepEqual([Compress, ViewerProtocolPolicy], [false, 'https-only']);
    }
  });

  it('lets a stream be silent for longer than its pings are apart', () => {
    const origin = config.Origins.find(({ CustomOriginConfig }: { CustomOriginConfig: Record<string, number> }) =>
      Boolean(CustomOriginConfig.OriginReadTimeout),
    );
    assert.equal(origin.CustomOriginConfig.OriginReadTimeout, 60);
  });

  it('stands under its own domain where one is given', () => {
    const certificateArn = 'arn:aws:acm:us-east-1:123456789012:certificate/abc';
    const own = synthesize({ domain: { name: 'draw.example.com', certificateArn } });
    own.template.hasResourceProperties('AWS::CloudFront::Distribution', {
      DistributionConfig: {
        Aliases: ['draw.example.com'],
        ViewerCertificate: { AcmCertificateArn: certificateArn, MinimumProtocolVersion: 'TLSv1.2_2021' },
      },
    });
    own.template.hasOutput('EndpointUrl', { Value: 'https://draw.example.com' });
    own.template.hasOutput('DomainTarget', {});
  });
});

describe('webhooks', () => {
  const environmentOf = (description: string) =>
    resources('AWS::Lambda::Function').find(([, { Properties }]) => Properties.Description === description)?.[1]
      .Properties.Environment.Variables;

  it('are taken by the API, and signed with what worker and housekeeper read themselves', () => {
    assert.equal(environmentOf('Safelight: the API').SAFELIGHT_SENDS_WEBHOOKS, 'true');
    const name = '/safelight/safelight/webhook-secrets';
    const housekeeper = environmentOf('Safelight: webhooks, and jobs that lost their message');
    assert.equal(housekeeper.SAFELIGHT_WEBHOOK_SECRETS_PARAMETER, name);
    const { ContainerDefinitions } = only(resources('AWS::ECS::TaskDefinition')).Properties;
    assert.ok(
      ContainerDefinitions[0].Environment.some(
        ({ Name, Value }: { Name: string; Value: unknown }) =>
          Name === 'SAFELIGHT_WEBHOOK_SECRETS_PARAMETER' && Value === name,
      ),
    );
  });

  it('leave no secret in the template', () => {
    assert.doesNotMatch(JSON.stringify(template.toJSON()), /whsec_/);
  });
});
