import { App, type AppProps, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { Config } from './config.ts';
import { CONTEXT } from './context.ts';
import { SafelightStack } from './safelight-stack.ts';

/** The CDK app with its one stack. It needs neither an account nor a network: zones are chosen when it is deployed. */
export function createApp(config: Config, props: AppProps = {}): { app: App; stack: SafelightStack } {
  const app = new App(props);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const models = list(app.node.tryGetContext(CONTEXT.models)) ?? config.models;
  const availabilityZones = list(app.node.tryGetContext(CONTEXT.zones));
  const playground = flag(app.node.tryGetContext(CONTEXT.playground)) ?? config.playground;
  const address = list(app.node.tryGetContext(CONTEXT.address))?.[0];
  const stack = new SafelightStack(app, config.name, {
    config: { ...config, models, playground },
    env: { region: config.region },
    ...(availabilityZones === undefined ? {} : { availabilityZones }),
    ...(address === undefined ? {} : { address }),
  });
  return { app, stack };
}

function list(text: unknown): string[] | undefined {
  return typeof text === 'string' && text !== '' ? text.split(',') : undefined;
}

// The command line passes texts, `cdk.json` values.
const flag = (value: unknown): boolean | undefined => (value === undefined ? undefined : String(value) === 'true');
