import type { Config } from '../config.ts';
import { webhookSecretsName } from '../webhook-secrets-name.ts';
import type { AwsAccount } from './aws-account.ts';
import type { ProcessRunner } from './process-runner.ts';
import type { Print, Step } from './run-steps.ts';

export interface DestroyTools {
  readonly config: Config;
  readonly aws: AwsAccount;
  readonly runner: ProcessRunner;
  readonly print: Print;
}

/** From an endpoint to nothing: workers first, as a cluster with tasks cannot be deleted. Each step may be repeated. */
export function destroySteps({ config, aws, runner, print }: DestroyTools): Step[] {
  return [
    {
      title: 'Stopping workers',
      async run() {
        const { FleetTable, Cluster } = (await aws.stack(config.name))?.outputs ?? {};
        if (FleetTable === undefined || Cluster === undefined) return 'there are none';
        await aws.pauseDispatcher(FleetTable);
        return `${await aws.stopWorkers(Cluster)} stopped`;
      },
    },
    {
      title: 'Deleting the stack, with all pictures, models and keys',
      async run() {
        if ((await aws.stack(config.name)) === undefined) return 'there is none';
        const env = { AWS_REGION: config.region, AWS_DEFAULT_REGION: config.region };
        await runner.run('npx', ['--no-install', 'cdk', 'destroy', config.name, '--force'], { folder: 'infra', env });
        const left = await aws.stack(config.name);
        if (left !== undefined)
          throw new Error(`CloudFormation says ${left.status}: its events say what is in the way.`);
        return 'done';
      },
    },
    {
      title: 'Deleting the secret that webhooks were signed with',
      run: async () => ((await aws.deleteSecret(webhookSecretsName(config))) ? 'done' : 'there is none'),
    },
    {
      title: 'Deleting logs that AWS wrote beside the stack',
      async run() {
        const names = await aws.deleteLogGroups(`/aws/lambda/${config.name}-`);
        for (const name of names) print(`    ${name}`);
        return `${names.length} deleted`;
      },
    },
  ];
}
