import { join } from 'node:path';
import { ENTRY_POINTS } from '@safelight/function/aws/environment';
import { type Duration, aws_iam as iam, aws_lambda as lambda, RemovalPolicy } from 'aws-cdk-lib';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { type EntryPointName, environmentOf, type Variables } from '../variables.ts';
import { logRetention } from './log-retention.ts';

const ROOT = join(import.meta.dirname, '../../..');

export interface FunctionProps {
  readonly entryPoint: Exclude<EntryPointName, 'worker'>;
  /** Of these it gets the variables that it reads. */
  readonly variables: Variables;
  readonly description: string;
  readonly timeout: Duration;
  readonly memoryMb: number;
  readonly logDays: number;
}

/** A function whose role is its own. */
export type SafelightFunction = NodejsFunction & { readonly role: iam.IRole };

/** A Lambda function of an entry point, with a role that may write to its own log and nothing else. */
export function createFunction(scope: Construct, id: string, props: FunctionProps): SafelightFunction {
  const { entryPoint, variables, description, timeout, memoryMb, logDays } = props;
  const { file, handler } = ENTRY_POINTS[entryPoint];
  const logGroup = new LogGroup(scope, `${id}Logs`, {
    retention: logRetention(logDays),
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const role = new iam.Role(scope, `${id}Role`, { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  logGroup.grantWrite(role);
  const created = new NodejsFunction(scope, id, {
    entry: join(ROOT, 'function/src', file),
    handler,
    role,
    logGroup,
    description,
    timeout,
    memorySize: memoryMb,
    runtime: lambda.Runtime.NODEJS_24_X,
    architecture: lambda.Architecture.ARM_64,
    environment: environmentOf(entryPoint, variables),
    depsLockFilePath: join(ROOT, 'package-lock.json'),
    projectRoot: ROOT,
    bundling: {
      format: OutputFormat.ESM,
      target: 'node24',
      minify: true,
      keepNames: true,
      mainFields: ['module', 'main'],
      // Bundled, not the runtime's own: what was tested is what runs.
      bundleAwsSDK: true,
      esbuildArgs: { '--conditions': '@safelight/source,module' },
      // CommonJS dependencies ask for `require`.
      banner: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
    },
  });
  return Object.assign(created, { role });
}
