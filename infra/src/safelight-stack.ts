import { createRequire } from 'node:module';
import { CfnOutput, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Config } from './config.ts';
import { Api } from './constructs/api.ts';
import { Dispatcher } from './constructs/dispatcher.ts';
import { Endpoint } from './constructs/endpoint.ts';
import { GpuWorkers } from './constructs/gpu-workers.ts';
import { Housekeeper } from './constructs/housekeeper.ts';
import { Jobs } from './constructs/jobs.ts';
import { Monitoring } from './constructs/monitoring.ts';
import { Network } from './constructs/network.ts';
import { Playground } from './constructs/playground.ts';
import { Spending } from './constructs/spending.ts';
import { Storage } from './constructs/storage.ts';
import type { Outputs } from './outputs.ts';
import type { Variables } from './variables.ts';
import { webhookSecretsName } from './webhook-secrets-name.ts';

/** Of the function: what `health` says. */
const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

export interface SafelightStackProps extends StackProps {
  readonly config: Config;
  /** Zones that have the wanted machines. @defaultValue two of the region's */
  readonly availabilityZones?: readonly string[];
  /**
   * Where the endpoint is, if it is there already. Pictures are let into the playground's pages by it: a template cannot
   * say it itself, as the distribution needs the functions, which need the bucket.
   * @defaultValue the own domain
   */
  readonly address?: string;
}

/** The whole endpoint. */
export class SafelightStack extends Stack {
  constructor(scope: Construct, id: string, props: SafelightStackProps) {
    super(scope, id, { description: 'Safelight: Stable Diffusion v1 as a serverless GPU function', ...props });
    const { config, availabilityZones } = props;
    const { retention, workers: policy, domain } = config;
    const logDays = retention.logs;
    const address = domain === undefined ? props.address : `https://${domain.name}`;
    const pages = config.playground === true && address !== undefined ? [address] : [];

    const network = new Network(this, 'Network', {
      logDays,
      ...(availabilityZones === undefined ? {} : { availabilityZones }),
    });
    const storage = new Storage(this, 'Storage', {
      imageDays: retention.images,
      uploadDays: retention.uploads,
      corsOrigins: [...new Set([...config.corsOrigins, ...pages])],
    });
    const jobs = new Jobs(this, 'Jobs');
    const webhookSecretsParameter = webhookSecretsName(config);
    const variables: Variables = {
      jobsTable: storage.tables.jobs.tableName,
      keysTable: storage.tables.keys.tableName,
      limitsTable: storage.tables.limits.tableName,
      queueUrl: jobs.queue.queueUrl,
      deadLetterQueueUrl: jobs.deadLetters.queueUrl,
      imagesBucket: storage.images.bucketName,
      models: config.models.map((model) => `s3://${storage.models.bucketName}/${model}`).join(','),
      instanceTypes: policy.instanceTypes.join(','),
      capacity: policy.capacity === 'on-demand-only' ? 'on-demand' : 'spot',
      retentionDays: String(retention.jobs),
      maxQueued: String(config.quotas.maxQueued),
      safety: config.safety,
      batch: String(policy.batch),
      idleSeconds: String(policy.idleSeconds),
      sendsWebhooks: 'true',
      webhookSecretsParameter,
      version,
    };
    const workers = new GpuWorkers(this, 'Workers', {
      ...{ network, storage, jobs, variables, webhookSecretsParameter, logDays },
      instanceTypes: policy.instanceTypes,
    });
    const dispatcher = new Dispatcher(this, 'Dispatcher', { jobs, storage, workers, policy, logDays });
    new Housekeeper(this, 'Housekeeper', { jobs, storage, variables, webhookSecretsParameter, logDays });
    const { quotas, corsOrigins, alarmEmail } = config;
    const api = new Api(this, 'Api', { storage, jobs, variables, quotas, corsOrigins, logDays });
    const playground = config.playground ? new Playground(this, 'Playground', storage) : undefined;
    const endpoint = new Endpoint(this, 'Endpoint', { api, domain, playground });
    new Monitoring(this, 'Monitoring', { jobs, api, dispatcher, workers, alarmEmail });
    new Spending(this, 'Spending', { monthlyUsd: config.monthlyBudgetUsd, alarmEmail });

    Tags.of(this).add('safelight', id);
    this.export({
      EndpointUrl: endpoint.url,
      ModelsBucket: storage.models.bucketName,
      Models: config.models.join(','),
      KeysTable: storage.tables.keys.tableName,
      FleetTable: storage.tables.fleet.tableName,
      Cluster: workers.cluster.clusterName,
      ...(availabilityZones === undefined ? {} : { Zones: availabilityZones.join(',') }),
      ...(domain === undefined ? {} : { DomainTarget: endpoint.domainTarget }),
      ...(playground === undefined
        ? {}
        : { PlaygroundUrl: endpoint.url, PlaygroundBucket: playground.bucket.bucketName }),
    });
  }

  private export(outputs: Outputs): void {
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}
