import { type aws_dynamodb as dynamodb, aws_iam as iam, Stack, type aws_s3 as s3 } from 'aws-cdk-lib';
import { acknowledge } from './acknowledge.ts';

/**
 * Allows exactly these actions. CDK's own `grant…` methods allow more than is needed: whole families of actions, and
 * every index of a table.
 */
export function allow(
  role: iam.IRole,
  actions: readonly string[],
  resources: readonly string[],
  conditions?: Record<string, unknown>,
): void {
  role.addToPrincipalPolicy(
    new iam.PolicyStatement({
      actions: [...actions],
      resources: [...resources],
      ...(conditions === undefined ? {} : { conditions }),
    }),
  );
}

/**
 * Allows these actions (without `dynamodb:`) on a table's items, and queries of the named indexes.
 */
export function allowTable(
  role: iam.IRole,
  table: dynamodb.TableV2,
  actions: readonly string[],
  indexes: readonly string[] = [],
): void {
  allow(
    role,
    actions.map((action) => `dynamodb:${action}`),
    [table.tableArn],
  );
  if (indexes.length === 0) return;
  allow(
    role,
    ['dynamodb:Query'],
    indexes.map((index) => `${table.tableArn}/index/${index}`),
  );
}

/** Allows these actions (without `s3:`) on the objects whose keys match. */
export function allowObjects(role: iam.IRole, bucket: s3.Bucket, pattern: string, actions: readonly string[]): void {
  allow(
    role,
    actions.map((action) => `s3:${action}`),
    [bucket.arnForObjects(pattern)],
  );
  const reason = `Objects are named when they are written: the role has ${actions.join(' and ')} on ${pattern} of one bucket.`;
  acknowledge(role, `IAM5[Resource::<${logicalId(bucket)}.Arn>/${pattern}]`, reason);
}

/** Allows to read one parameter of SSM. Its key, the account's own for SSM, asks for no permission beside. */
export function allowParameter(role: iam.IRole, name: string): void {
  const resourceName = name.replace(/^\//, '');
  allow(
    role,
    ['ssm:GetParameter'],
    [Stack.of(role).formatArn({ service: 'ssm', resource: 'parameter', resourceName })],
  );
}

/** S3 says "not found" only to who may list; to others it says "forbidden". */
export function allowToSeeWhatIsMissing(role: iam.IRole, bucket: s3.Bucket): void {
  allow(role, ['s3:ListBucket'], [bucket.bucketArn]);
}

/** The name of a construct's resource in the template, as cdk-nag prints it. */
export function logicalId(construct: { node: iam.IRole['node'] } & object): string {
  const resource = construct.node.defaultChild;
  if (resource === undefined) throw new Error('The construct has no resource of its own');
  return Stack.of(resource).getLogicalId(resource as Parameters<Stack['getLogicalId']>[0]);
}
