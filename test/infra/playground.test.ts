/** The playground in the template: where it lies, who may read it, and what its pages may load. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { S3Client } from '@aws-sdk/client-s3';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { CachePolicy } from 'aws-cdk-lib/aws-cloudfront';
import { createSecurityHeaders } from '../../function/src/api/page-headers.ts';
import { createS3ObjectStore } from '../../function/src/storage/aws/s3-object-store.ts';
import { createApp } from '../../infra/src/create-app.ts';
import { createTemporaryFolder } from '../function/jobs/temporary-folder.ts';
import { pageHeadersOf } from '../support/aws/distribution.ts';
import { CONFIG, type Resource, type Statement, synthesize } from './synthesize.ts';

type Reader = Statement & { Principal: { Service?: string } };

describe('the playground', () => {
  const address = 'https://d111111abcdef8.cloudfront.net';
  const shown = synthesize({ playground: true }, { 'safelight:address': address });
  /** The one resource of its kind. */
  const only = (type: string): Resource => {
    const [[, resource] = assert.fail(), ...others] = shown.resources(type);
    assert.deepEqual(others, []);
    return resource;
  };
  const { DistributionConfig: config } = only('AWS::CloudFront::Distribution').Properties;
  const originOf = (behavior: { TargetOriginId: string }) =>
    config.Origins.find(({ Id }: { Id: string }) => Id === behavior.TargetOriginId);
  const [siteBucket = '', bucket] =
    shown.resources('AWS::S3::Bucket').find(([id]) => id.startsWith('Playground')) ?? assert.fail();
  const corsOf = (stack: typeof shown) =>
    stack
      .resources('AWS::S3::Bucket')
      .flatMap(([, { Properties }]) => Properties.CorsConfiguration?.CorsRules ?? [])
      .map(({ AllowedOrigins, AllowedMethods }) => ({ AllowedOrigins, AllowedMethods }));

  it('is there only where it is asked for, by the settings or by deploy', () => {
    const has = (stack: typeof shown) => stack.resources('AWS::S3::Bucket').some(([id]) => id.startsWith('Playground'));
    assert.equal(has(synthesize()), false);
    assert.equal(has(synthesize({}, { 'safelight:playground': 'true' })), true);
    assert.equal(has(synthesize({ playground: true }, { 'safelight:playground': 'false' })), false);
  });

  it('is shown at the endpoint’s address, beside the API and its stream', () => {
    assert.ok(JSON.stringify(originOf(config.DefaultCacheBehavior).DomainName).includes(siteBucket));
    assert.equal(config.DefaultRootObject, 'index.html');
    const [stream, calls] = config.CacheBehaviors;
    assert.deepEqual([stream.PathPattern, calls.PathPattern], ['/trpc/jobs.watch*', '/trpc/*']);
    assert.match(JSON.stringify(originOf(stream).DomainName), /ApiStreamFunctionUrl/);
    assert.match(JSON.stringify(originOf(calls).DomainName), /ApiHttpApi/);
    for (const { CachePolicyId, ResponseHeadersPolicyId } of config.CacheBehaviors) {
      assert.equal(CachePolicyId, CachePolicy.CACHING_DISABLED.cachePolicyId);
      assert.equal(ResponseHeadersPolicyId, undefined);
    }
    shown.template.hasOutput('PlaygroundUrl', {});
    shown.template.hasOutput('PlaygroundBucket', { Value: { Ref: siteBucket } });
  });

  it('comes over HTTPS, compressed, kept as long as its files say, and cannot be written to', () => {
    const { ViewerProtocolPolicy, Compress, CachePolicyId, AllowedMethods } = config.DefaultCacheBehavior;
    assert.deepEqual([ViewerProtocolPolicy, Compress, AllowedMethods], ['redirect-to-https', true, ['GET', 'HEAD']]);
    assert.equal(CachePolicyId, CachePolicy.CACHING_OPTIMIZED.cachePolicyId);
  });

  it('lies in a closed bucket that only this distribution reads, and that goes with the stack', () => {
    assert.equal(bucket?.Properties.PublicAccessBlockConfiguration.RestrictPublicBuckets, true);
    assert.equal(bucket?.DeletionPolicy, 'Delete');
    assert.ok(originOf(config.DefaultCacheBehavior).OriginAccessControlId);
    shown.template.hasResourceProperties('AWS::CloudFront::OriginAccessControl', {
      OriginAccessControlConfig: { SigningBehavior: 'always', SigningProtocol: 'sigv4' },
    });
    const policy = shown
      .resources('AWS::S3::BucketPolicy')
      .find(([, { Properties }]) => Properties.Bucket.Ref === siteBucket);
    const statements: Reader[] = policy?.[1].Properties.PolicyDocument.Statement ?? [];
    const readers = statements.filter(({ Principal }) => Principal.Service === 'cloudfront.amazonaws.com');
    assert.deepEqual(readers.flatMap(({ Action }) => Action).sort(), ['s3:GetObject', 's3:ListBucket']);
    for (const { Condition } of readers) assert.match(JSON.stringify(Condition), /AWS:SourceArn.*EndpointDistribution/);
    assert.equal(shown.resources('Custom::S3AutoDeleteObjects').length, shown.resources('AWS::S3::Bucket').length);
  });

  it('is sent with the headers of `safelight serve`, and reaches the bucket of pictures by the name that is signed', async () => {
    const { 'strict-transport-security': https, ...headers } = pageHeadersOf(shown, 'pictures');
    assert.match(https ?? '', /^max-age=\d{7}/);
    const credentials = { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: 'secret' };
    const client = new S3Client({ region: 'us-east-1', credentials });
    const objects = createS3ObjectStore({ client, bucket: 'pictures' });
    const { url } = await objects.sign('jobs/1/0.png', { baseUrl: '', expiresInSeconds: 60 });
    assert.deepEqual(headers, createSecurityHeaders(new URL(url).origin));
    const { ContentSecurityPolicy } = only('AWS::CloudFront::ResponseHeadersPolicy').Properties
      .ResponseHeadersPolicyConfig.SecurityHeadersConfig;
    assert.match(JSON.stringify(ContentSecurityPolicy), /"Ref":"StorageImages/);
  });

  it('may fetch and send pictures from its own address alone; its calls need no leave', () => {
    assert.deepEqual(corsOf(shown), [{ AllowedOrigins: [address], AllowedMethods: ['GET', 'HEAD', 'PUT'] }]);
    assert.equal(only('AWS::ApiGatewayV2::Api').Properties.CorsConfiguration, undefined);
    assert.deepEqual(corsOf(synthesize({}, { 'safelight:address': address })), []);
    const certificateArn = 'arn:aws:acm:us-east-1:123456789012:certificate/abc';
    const domain = { name: 'draw.example.com', certificateArn };
    const own = synthesize({ playground: true, domain }, { 'safelight:address': address });
    assert.deepEqual(corsOf(own)[0]?.AllowedOrigins, ['https://draw.example.com']);
  });

  it('has nothing that CDK warns of', () => {
    assert.deepEqual(Annotations.fromStack(shown.stack).findWarning('*', Match.anyValue()), []);
  });

  it('passes cdk-nag', async () => {
    await using folder = await createTemporaryFolder();
    const context = { 'aws:cdk:bundling-stacks': [] };
    const { app } = createApp({ ...CONFIG, playground: true }, { outdir: folder.path, context });
    app.synth();
    const report = JSON.parse(readFileSync(join(folder.path, 'validation-report.json'), 'utf8'));
    assert.deepEqual(report.pluginReports, []);
  });
});
