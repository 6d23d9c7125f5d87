/**
 * CloudFront in this process, as far as a template says what it does: which origin answers a path, and with which headers.
 * It caches nothing.
 */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, request as open, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Resource, Synthesized } from '../../infra/synthesize.ts';
import type { S3Server } from '../s3-server.ts';

export interface Distribution extends AsyncDisposable {
  url: string;
  /** Before that nothing is there. */
  deploy(template: Synthesized): void;
}

export interface DistributionOptions {
  /** Address of the API and its stream. */
  api: string;
  s3: S3Server;
  /** Bucket of the site. */
  siteBucket: string;
  /** Name of the bucket of pictures, and where it is in this process. */
  pictures: { bucket: string; origin: string };
}

interface Behavior {
  PathPattern?: string;
  TargetOriginId: string;
  AllowedMethods: string[];
  ResponseHeadersPolicyId?: { Ref: string };
}

interface DistributionConfig {
  DefaultCacheBehavior: Behavior;
  CacheBehaviors: Behavior[];
  DefaultRootObject: string;
  Origins: { Id: string; S3OriginConfig?: unknown }[];
}

/** A value of a template, with the bucket's name filled in. */
const resolve = (value: unknown, bucket: string): string => {
  if (typeof value === 'string') return value;
  const { 'Fn::Join': [separator, parts] = ['', [bucket]] } = value as { 'Fn::Join'?: [string, unknown[]] };
  return parts.map((part) => resolve(part, bucket)).join(separator);
};

const propertiesOf = ({ resources }: Synthesized, type: string): Resource['Properties'] => {
  const [[, resource] = assert.fail(`There is no ${type}`)] = resources(type);
  return resource.Properties;
};

/** The headers that come with the playground's files. */
export function pageHeadersOf(template: Synthesized, bucket: string): Record<string, string> {
  const { ResponseHeadersPolicyConfig: policy } = propertiesOf(template, 'AWS::CloudFront::ResponseHeadersPolicy');
  const { SecurityHeadersConfig: security, CustomHeadersConfig: custom } = policy;
  return {
    'content-security-policy': resolve(security.ContentSecurityPolicy.ContentSecurityPolicy, bucket),
    ...(security.ContentTypeOptions.Override ? { 'x-content-type-options': 'nosniff' } : {}),
    'x-frame-options': security.FrameOptions.FrameOption,
    'referrer-policy': security.ReferrerPolicy.ReferrerPolicy,
    'strict-transport-security': `max-age=${security.StrictTransportSecurity.AccessControlMaxAgeSec}`,
    ...Object.fromEntries(custom.Items.map(({ Header, Value }: { Header: string; Value: string }) => [Header, Value])),
  };
}

const matches = (pattern: string, path: string): boolean =>
  new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(path);

export async function startDistribution(options: DistributionOptions): Promise<Distribution> {
  let template: Synthesized | undefined;

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    if (template === undefined) return void response.writeHead(503).end();
    const config: DistributionConfig = propertiesOf(template, 'AWS::CloudFront::Distribution').DistributionConfig;
    const { pathname: path } = new URL(request.url ?? '/', options.api);
    const behavior =
      config.CacheBehaviors.find(({ PathPattern = '' }) => matches(PathPattern, path)) ?? config.DefaultCacheBehavior;
    if (!behavior.AllowedMethods.includes(request.method ?? '')) return void response.writeHead(403).end();
    if (behavior.ResponseHeadersPolicyId !== undefined) addPageHeaders(response, template);
    const origin = config.Origins.find(({ Id }) => Id === behavior.TargetOriginId);
    if (origin?.S3OriginConfig === undefined) passOn(request, response);
    else sendFile(response, path === '/' ? config.DefaultRootObject : path.slice(1));
  };

  const addPageHeaders = (response: ServerResponse, synthesized: Synthesized): void => {
    const { bucket, origin } = options.pictures;
    for (const [name, value] of Object.entries(pageHeadersOf(synthesized, bucket)))
      response.setHeader(name, value.replaceAll(`https://${bucket}.s3.us-east-1.amazonaws.com`, origin));
  };

  const sendFile = (response: ServerResponse, key: string): void => {
    const file = options.s3.objects.get(`${options.siteBucket}/${key}`);
    if (file === undefined) return void response.writeHead(404).end();
    response.setHeader('content-type', file.contentType);
    if (file.cacheControl !== undefined) response.setHeader('cache-control', file.cacheControl);
    response.end(file.body);
  };

  const passOn = (request: IncomingMessage, response: ServerResponse): void => {
    const { host: _, ...headers } = request.headers;
    const passed = open(new URL(request.url ?? '/', options.api), { method: request.method ?? 'GET', headers });
    passed.on('response', (result) => {
      response.writeHead(result.statusCode ?? 502, result.headers);
      result.pipe(response);
    });
    passed.on('error', () => response.destroy());
    response.on('close', () => passed.destroy());
    request.pipe(passed);
  };

  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    deploy(synthesized) {
      template = synthesized;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
