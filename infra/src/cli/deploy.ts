import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { config } from '../../safelight.config.ts';
import { type Deployment, type DeployOptions, deploySteps } from './deploy-steps.ts';
import { describePlan } from './dry-run.ts';
import { runSteps } from './run-steps.ts';
import { describeEndpoint } from './summary.ts';
import { createTools, print } from './tools.ts';

const HELP = `Creates your endpoint on AWS, or brings it up to date. Safe to run again after any failure.

npm run deploy -- --checkpoint ./sd-v1-4.ckpt

  --checkpoint <path>   the Stable Diffusion v1 checkpoint to offer; without one, the models that are there stay
  --name <name>         how callers ask for it (default: from the file name)
  --model <name>        offer a model converted before, or mini, the small one that comes with Safelight
  --accept-license      accept the model's licence without being asked
  --playground          show the playground, a page in the browser, at the endpoint's address; it stays until --no-playground
  --no-smoke-test       do not draw a first picture (it starts a GPU for a few minutes)
  --dry-run             say what would be done and what it costs; needs no account
  --help

Settings are in infra/safelight.config.ts. SAFELIGHT_API_KEY is used for the first picture where keys were made before.`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      checkpoint: { type: 'string' },
      name: { type: 'string' },
      model: { type: 'string' },
      'accept-license': { type: 'boolean', default: false },
      playground: { type: 'boolean' },
      'smoke-test': { type: 'boolean', default: true },
      'dry-run': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return print(HELP);
  if (values.checkpoint !== undefined && values.model !== undefined)
    throw new Error('--checkpoint makes a model, --model takes one that is there: pass one of them.');
  if (values.checkpoint === undefined && values.name !== undefined)
    throw new Error('--name is for the model of --checkpoint; --model names one that is there.');
  const options: DeployOptions = {
    // npm runs this in the repository's root; the path is from where the person stands.
    checkpoint: values.checkpoint === undefined ? undefined : resolve(process.env.INIT_CWD ?? '.', values.checkpoint),
    name: values.name,
    model: values.model,
    acceptLicense: values['accept-license'],
    playground: values.playground,
    smokeTest: values['smoke-test'],
    apiKey: process.env.SAFELIGHT_API_KEY,
  };
  const deployment: Deployment = { outputs: undefined, apiKey: undefined };
  const steps = deploySteps(options, await createTools(config), deployment);
  if (values['dry-run']) return print(describePlan(config, options, steps));
  await runSteps(steps, print);
  print(`\n${describeEndpoint(deployment, config)}`);
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
