import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  CloudWatchLogsClient,
  DeleteLogGroupCommand,
  paginateDescribeLogGroups,
} from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient, ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { EC2Client, paginateDescribeInstanceTypeOfferings } from '@aws-sdk/client-ec2';
import { ECSClient, paginateListTasks, StopTaskCommand, waitUntilTasksStopped } from '@aws-sdk/client-ecs';
import { S3Client } from '@aws-sdk/client-s3';
import { GetServiceQuotaCommand, ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import {
  DeleteParameterCommand,
  ParameterAlreadyExists,
  ParameterNotFound,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { AwsAccount, DeployedStack } from './aws-account.ts';
import { sendSite } from './send-site.ts';

/** Longer than a worker may take to stop. */
const STOP_WAIT_SECONDS = 300;
/** What one waiter call takes. */
const WAIT_BATCH = 100;
/** Any time that no clock reaches: DynamoDB numbers are exact up to here. */
const FOR_EVER = Number.MAX_SAFE_INTEGER;

/** The account of the environment's credentials. Opens no connection yet. */
export function connectAws(region: string): AwsAccount {
  const config = { region };
  const dynamo = new DynamoDBClient(config);
  const ecs = new ECSClient(config);
  return {
    async identity() {
      const { Account, Arn } = await new STSClient(config).send(new GetCallerIdentityCommand({}));
      return { account: Account ?? '', arn: Arn ?? '' };
    },
    async quota(code) {
      const command = new GetServiceQuotaCommand({ ServiceCode: 'ec2', QuotaCode: code });
      return (await new ServiceQuotasClient(config).send(command)).Quota?.Value ?? 0;
    },
    zonesOffering: (instanceTypes) => zonesOffering(new EC2Client(config), instanceTypes),
    stack: (name) => describeStack(new CloudFormationClient(config), name),
    async hasApiKeys(table) {
      const { Count } = await dynamo.send(new ScanCommand({ TableName: table, Limit: 1, Select: 'COUNT' }));
      return (Count ?? 0) > 0;
    },
    createSecret: (name, value) => createSecret(new SSMClient(config), name, value),
    deleteSecret: (name) => deleteSecret(new SSMClient(config), name),
    sendSite: (bucket, files) => sendSite(new S3Client(config), bucket, files),
    async pauseDispatcher(fleetTable) {
      const pause = new UpdateItemCommand({
        TableName: fleetTable,
        Key: { pk: { S: 'fleet' } },
        // A new version makes a dispatcher that is deciding right now give way.
        UpdateExpression: 'SET pausedUntil = :forEver ADD #version :one',
        ExpressionAttributeNames: { '#version': 'version' },
        ExpressionAttributeValues: { ':forEver': { N: String(FOR_EVER) }, ':one': { N: '1' } },
      });
      await dynamo.send(pause);
    },
    stopWorkers: (cluster) => stopWorkers(ecs, cluster),
    deleteLogGroups: (prefix) => deleteLogGroups(new CloudWatchLogsClient(config), prefix),
  };
}

async function zonesOffering(client: EC2Client, instanceTypes: readonly string[]) {
  const zones = new Map<string, string[]>(instanceTypes.map((type) => [type, []]));
  const request = {
    LocationType: 'availability-zone' as const,
    Filters: [{ Name: 'instance-type', Values: [...instanceTypes] }],
  };
  for await (const page of paginateDescribeInstanceTypeOfferings({ client }, request))
    for (const { InstanceType, Location } of page.InstanceTypeOfferings ?? [])
      if (InstanceType !== undefined && Location !== undefined) zones.get(InstanceType)?.push(Location);
  return zones;
}

async function describeStack(client: CloudFormationClient, name: string): Promise<DeployedStack | undefined> {
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: name }));
    const stack = Stacks?.[0];
    if (stack === undefined) return undefined;
    const outputs = (stack.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]);
    return { status: stack.StackStatus ?? '', outputs: Object.fromEntries(outputs) };
  } catch (error) {
    // CloudFormation has no error of its own for this.
    if (error instanceof Error && error.name === 'ValidationError' && /does not exist/.test(error.message)) return;
    throw error;
  }
}

/** Encrypted with the account's own key for SSM, which costs nothing. */
async function createSecret(client: SSMClient, Name: string, Value: string): Promise<boolean> {
  const Description = 'Safelight: what webhooks are signed with';
  try {
    await client.send(new PutParameterCommand({ Name, Value, Description, Type: 'SecureString', Tier: 'Standard' }));
    return true;
  } catch (error) {
    if (error instanceof ParameterAlreadyExists) return false;
    throw error;
  }
}

async function deleteSecret(client: SSMClient, Name: string): Promise<boolean> {
  try {
    await client.send(new DeleteParameterCommand({ Name }));
    return true;
  } catch (error) {
    if (error instanceof ParameterNotFound) return false;
    throw error;
  }
}

async function stopWorkers(client: ECSClient, cluster: string): Promise<number> {
  const tasks: string[] = [];
  for await (const page of paginateListTasks({ client }, { cluster })) tasks.push(...(page.taskArns ?? []));
  for (const task of tasks) await client.send(new StopTaskCommand({ cluster, task, reason: 'Safelight is destroyed' }));
  for (let start = 0; start < tasks.length; start += WAIT_BATCH)
    await waitUntilTasksStopped(
      { client, maxWaitTime: STOP_WAIT_SECONDS },
      { cluster, tasks: tasks.slice(start, start + WAIT_BATCH) },
    );
  return tasks.length;
}

async function deleteLogGroups(client: CloudWatchLogsClient, logGroupNamePrefix: string): Promise<string[]> {
  const names: string[] = [];
  for await (const page of paginateDescribeLogGroups({ client }, { logGroupNamePrefix }))
    for (const { logGroupName } of page.logGroups ?? []) if (logGroupName !== undefined) names.push(logGroupName);
  for (const logGroupName of names) await client.send(new DeleteLogGroupCommand({ logGroupName }));
  return names;
}
