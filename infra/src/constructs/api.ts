import { JOB_INDEX, OBJECT_PREFIX } from '@safelight/function/aws/environment';
import { aws_apigatewayv2 as apigateway, Duration, aws_lambda as lambda, RemovalPolicy } from 'aws-cdk-lib';
import { HttpLambdaAuthorizer, HttpLambdaResponseType } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Config } from '../config.ts';
import { allow, allowObjects, allowTable } from '../grants.ts';
import type { Variables } from '../variables.ts';
import { createFunction, type SafelightFunction } from './function.ts';
import type { Jobs } from './jobs.ts';
import { logRetention } from './log-retention.ts';
import type { Storage } from './storage.ts';

export interface ApiProps {
  readonly storage: Storage;
  readonly jobs: Jobs;
  /** Each function gets those that it reads. */
  readonly variables: Variables;
  readonly quotas: Config['quotas'];
  readonly corsOrigins: readonly string[];
  readonly logDays: number;
}

const HEADERS = ['authorization', 'content-type', 'trpc-accept', 'x-request-id'];

/** An HTTP API in front of the tRPC router, and a streaming URL for progress; `Endpoint` makes them one address. */
export class Api extends Construct {
  readonly httpApi: apigateway.HttpApi;
  /** Answers `jobs.watch`, as a stream. */
  readonly streamUrl: lambda.FunctionUrl;
  readonly handler: SafelightFunction;
  readonly stream: SafelightFunction;

  constructor(scope: Construct, id: string, props: ApiProps) {
    super(scope, id);
    const { variables, logDays } = props;
    this.handler = createFunction(this, 'Function', {
      ...{ entryPoint: 'api', description: 'Safelight: the API', variables, logDays },
      // Shorter than the 30 seconds that API Gateway waits.
      ...{ timeout: Duration.seconds(20), memoryMb: 512 },
    });
    const authorizer = createFunction(this, 'Authorizer', {
      ...{ entryPoint: 'authorizer', description: 'Safelight: checks API keys', variables, logDays },
      ...{ timeout: Duration.seconds(10), memoryMb: 256 },
    });
    this.stream = createFunction(this, 'Stream', {
      ...{ entryPoint: 'stream', description: 'Safelight: progress of jobs', variables, logDays },
      ...{ timeout: Duration.minutes(15), memoryMb: 256 },
    });
    this.grantApi(props);
    allowTable(authorizer.role, props.storage.tables.keys, ['GetItem']);
    this.grantStream(props);

    this.httpApi = this.createHttpApi(authorizer, props);
    this.httpApi.addRoutes({
      path: '/trpc/{proxy+}',
      methods: [apigateway.HttpMethod.GET, apigateway.HttpMethod.POST],
      integration: new HttpLambdaIntegration('Router', this.handler),
    });
    this.createStage(props);
    this.streamUrl = this.createStreamUrl(props.corsOrigins);
  }

  private createHttpApi(authorizer: SafelightFunction, { corsOrigins }: ApiProps): apigateway.HttpApi {
    return new apigateway.HttpApi(this, 'HttpApi', {
      createDefaultStage: false,
      description: 'Safelight',
      defaultAuthorizer: new HttpLambdaAuthorizer('Keys', authorizer, {
        responseTypes: [HttpLambdaResponseType.SIMPLE],
        identitySource: ['$request.header.Authorization'],
        // As long as a key that was taken back may still be good.
        resultsCacheTtl: Duration.minutes(1),
      }),
      ...(corsOrigins.length === 0
        ? {}
        : {
            corsPreflight: {
              allowOrigins: [...corsOrigins],
              allowMethods: [apigateway.CorsHttpMethod.GET, apigateway.CorsHttpMethod.POST],
              allowHeaders: HEADERS,
              maxAge: Duration.hours(1),
            },
          }),
    });
  }

  private createStage({ quotas, logDays }: ApiProps): void {
    const logGroup = new LogGroup(this, 'AccessLogs', {
      retention: logRetention(logDays),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // No query string: in it are the calls' inputs.
    const format = {
      ...{ time: '$context.requestTime', requestId: '$context.requestId', ip: '$context.identity.sourceIp' },
      ...{ method: '$context.httpMethod', path: '$context.path', status: '$context.status' },
      ...{ latencyMs: '$context.responseLatency', error: '$context.error.messageString' },
    };
    const stage = new apigateway.HttpStage(this, 'Stage', {
      httpApi: this.httpApi,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: quotas.requestsPerSecond, burstLimit: quotas.burst },
    });
    const resource = stage.node.defaultChild as apigateway.CfnStage;
    resource.accessLogSettings = { destinationArn: logGroup.logGroupArn, format: JSON.stringify(format) };
  }

  /** Open to the world as AWS sees it: the function checks the API key itself, as an authorizer cannot stand before it. */
  private createStreamUrl(corsOrigins: readonly string[]): lambda.FunctionUrl {
    return this.stream.addFunctionUrl({
      authType: lambda.FunctionUrlAuthType.NONE,
      invokeMode: lambda.InvokeMode.RESPONSE_STREAM,
      ...(corsOrigins.length === 0
        ? {}
        : {
            cors: {
              allowedOrigins: [...corsOrigins],
              allowedMethods: [lambda.HttpMethod.GET, lambda.HttpMethod.POST],
              allowedHeaders: HEADERS,
            },
          }),
    });
  }

  /** The API creates, reads and cancels jobs, counts, and signs URLs; it takes no messages and reads no keys. */
  private grantApi({ storage, jobs }: ApiProps): void {
    const { role } = this.handler;
    const { tables, images, models } = storage;
    allowTable(role, tables.jobs, ['GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem'], Object.values(JOB_INDEX));
    allowTable(role, tables.limits, ['GetItem', 'UpdateItem']);
    allow(role, ['sqs:SendMessage'], [jobs.queue.queueArn]);
    allowObjects(role, images, `${OBJECT_PREFIX.images}*`, ['GetObject']);
    allowObjects(role, images, `${OBJECT_PREFIX.uploads}*`, ['PutObject']);
    allowObjects(role, models, '*/manifest.json', ['GetObject']);
  }

  /** Progress needs the record, and URLs of finished pictures. */
  private grantStream({ storage }: ApiProps): void {
    const { role } = this.stream;
    const { tables, images } = storage;
    allowTable(role, tables.jobs, ['GetItem'], [JOB_INDEX.byState]);
    allowTable(role, tables.keys, ['GetItem']);
    allowTable(role, tables.limits, ['GetItem', 'UpdateItem']);
    allowObjects(role, images, `${OBJECT_PREFIX.images}*`, ['GetObject']);
  }
}
