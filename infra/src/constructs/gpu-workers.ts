import { join } from 'node:path';
import { OBJECT_PREFIX, STOP_TIMEOUT_SECONDS, WORKER_CONTAINER } from '@safelight/function/aws/environment';
import { Duration, aws_ec2 as ec2, aws_ecs as ecs, RemovalPolicy, Size, Stack } from 'aws-cdk-lib';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import { allow, allowObjects, allowParameter, allowTable, allowToSeeWhatIsMissing } from '../grants.ts';
import { environmentOf, type Variables } from '../variables.ts';
import type { Jobs } from './jobs.ts';
import { logRetention } from './log-retention.ts';
import type { Network } from './network.ts';
import type { Storage } from './storage.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** Where the container keeps models: a volume on the machine's own NVMe disk. */
const MODELS_DIR = '/models';
/** Seconds a machine without a task stays, so that a job which comes right after the last needs no new one. */
const SCALE_IN_AFTER_SECONDS = 60;

export interface GpuWorkersProps {
  readonly network: Network;
  readonly storage: Storage;
  readonly jobs: Jobs;
  /** The worker gets those that it reads. */
  readonly variables: Variables;
  /** Name of the SSM parameter. */
  readonly webhookSecretsParameter: string;
  /** Any of these. */
  readonly instanceTypes: readonly string[];
  readonly logDays: number;
}

/**
 * What a worker needs to run: cluster, machines on spot and on demand, task definition. Nothing runs, and nothing is paid,
 * until the dispatcher runs the task.
 */
export class GpuWorkers extends Construct {
  readonly cluster: ecs.Cluster;
  readonly task: ecs.TaskDefinition;
  readonly spotProvider: ecs.ManagedInstancesCapacityProvider;
  readonly onDemandProvider: ecs.ManagedInstancesCapacityProvider;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: GpuWorkersProps) {
    super(scope, id);
    this.logGroup = new LogGroup(this, 'Logs', {
      retention: logRetention(props.logDays),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.cluster = new ecs.Cluster(this, 'Cluster', { vpc: props.network.vpc });
    const insights =
      'Container Insights are paid while nothing runs; the dashboard counts workers from the dispatcher’s log.';
    acknowledge(this.cluster, 'ECS4', insights);
    this.spotProvider = this.addMachines('Spot', ecs.CapacityOptionType.SPOT, props);
    this.onDemandProvider = this.addMachines('OnDemand', ecs.CapacityOptionType.ON_DEMAND, props);
    this.task = this.createTask(props);
    this.grantWork(props);
  }

  private addMachines(id: string, type: ecs.CapacityOptionType, props: GpuWorkersProps) {
    const provider = new ecs.ManagedInstancesCapacityProvider(this, id, {
      subnets: props.network.vpc.publicSubnets,
      securityGroups: [props.network.securityGroup],
      capacityOptionType: type,
      taskVolumeStorage: Size.gibibytes(60),
      propagateTags: ecs.PropagateManagedInstancesTags.CAPACITY_PROVIDER,
      instanceRequirements: {
        vCpuCountMin: 4,
        memoryMin: Size.gibibytes(15),
        acceleratorCountMin: 1,
        acceleratorCountMax: 1,
        acceleratorManufacturers: [ec2.AcceleratorManufacturer.NVIDIA],
        allowedInstanceTypes: [...props.instanceTypes],
      },
    });
    this.cluster.addManagedInstancesCapacityProvider(provider);
    const resource = provider.node.findAll().find((child) => child instanceof ecs.CfnCapacityProvider);
    // The construct has no properties for these two.
    resource?.addPropertyOverride(
      'ManagedInstancesProvider.InfrastructureOptimization.ScaleInAfter',
      SCALE_IN_AFTER_SECONDS,
    );
    resource?.addPropertyOverride(
      'ManagedInstancesProvider.InstanceLaunchTemplate.LocalStorageConfiguration.UseLocalStorage',
      true,
    );
    const instanceRole = provider.node.findChild('InstanceRole');
    const registers = 'AWS’ own statement for Managed Instances: a machine registers itself before it has a name.';
    acknowledge(instanceRole, 'IAM5[Resource::*]', registers);
    const instances = `arn:<AWS::Partition>:ecs:${Stack.of(this).region}:<AWS::AccountId>:container-instance/*`;
    acknowledge(instanceRole, `IAM5[Resource::${instances}]`, registers);
    const policy = 'arn:<AWS::Partition>:iam::aws:policy/AmazonECSInfrastructureRolePolicyForManagedInstances';
    acknowledge(provider, `IAM4[Policy::${policy}]`, 'ECS asks for this policy of its own to start and stop machines.');
    return provider;
  }

  private createTask(props: GpuWorkersProps): ecs.TaskDefinition {
    const task = new ecs.TaskDefinition(this, 'Task', {
      compatibility: ecs.Compatibility.MANAGED_INSTANCES,
      // What the smallest machine has left beside the operating system and ECS.
      cpu: '3072',
      memoryMiB: '12288',
      // In awsvpc mode the task has no public address, and would need a NAT gateway.
      networkMode: ecs.NetworkMode.HOST,
      volumes: [{ name: 'models' }, { name: 'tmp' }],
    });
    const image = new DockerImageAsset(this, 'Image', {
      directory: ROOT,
      file: 'function/Dockerfile',
      platform: Platform.LINUX_AMD64,
    });
    const container = task.addContainer(WORKER_CONTAINER, {
      image: ecs.ContainerImage.fromDockerImageAsset(image),
      gpuCount: 1,
      user: 'node',
      readonlyRootFilesystem: true,
      stopTimeout: Duration.seconds(STOP_TIMEOUT_SECONDS),
      environment: environmentOf('worker', { ...props.variables, modelsDir: MODELS_DIR, provider: 'cuda' }),
      logging: ecs.LogDrivers.awsLogs({ streamPrefix: WORKER_CONTAINER, logGroup: this.logGroup }),
    });
    container.addMountPoints(
      { sourceVolume: 'models', containerPath: MODELS_DIR, readOnly: false },
      { sourceVolume: 'tmp', containerPath: '/tmp', readOnly: false },
    );
    acknowledge(task, 'ECS2', 'The environment holds names of resources and numbers, and no secret.');
    const execution = task.obtainExecutionRole();
    acknowledge(execution, 'IAM5[Resource::*]', 'ecr:GetAuthorizationToken knows no resources.');
    return task;
  }

  /** The worker reads jobs and writes what came of them; it cannot create jobs, read API keys or list pictures. */
  private grantWork({ storage, jobs, webhookSecretsParameter }: GpuWorkersProps): void {
    const { taskRole } = this.task;
    allowTable(taskRole, storage.tables.jobs, ['GetItem', 'UpdateItem']);
    // It sends a message again when its job must wait, and puts aside what it cannot read.
    const handling = ['ReceiveMessage', 'ChangeMessageVisibility', 'DeleteMessage', 'SendMessage'];
    allow(
      taskRole,
      handling.map((action) => `sqs:${action}`),
      [jobs.queue.queueArn],
    );
    allow(taskRole, ['sqs:SendMessage'], [jobs.deadLetters.queueArn]);
    allowObjects(taskRole, storage.images, `${OBJECT_PREFIX.images}*`, ['GetObject', 'PutObject']);
    allowObjects(taskRole, storage.images, `${OBJECT_PREFIX.uploads}*`, ['GetObject']);
    allowToSeeWhatIsMissing(taskRole, storage.images);
    allowObjects(taskRole, storage.models, '*', ['GetObject']);
    allowToSeeWhatIsMissing(taskRole, storage.models);
    // It announces the ends of jobs.
    allowParameter(taskRole, webhookSecretsParameter);
  }
}
