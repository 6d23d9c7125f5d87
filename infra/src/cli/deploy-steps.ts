import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import type { Config } from '../config.ts';
import { CONTEXT } from '../context.ts';
import type { Outputs } from '../outputs.ts';
import { webhookSecretsName } from '../webhook-secrets-name.ts';
import type { AwsAccount, SiteFile } from './aws-account.ts';
import { type Finding, type PreflightParams, type PreflightResult, preflight } from './preflight.ts';
import type { RunOptions } from './process-runner.ts';
import type { Print, Step } from './run-steps.ts';

export interface DeployOptions {
  /** The checkpoint to offer; without one, models that are there stay. */
  readonly checkpoint?: string | undefined;
  /** Name of its model. @defaultValue from the file name */
  readonly name?: string | undefined;
  /** A model to offer that was converted before, or `mini`, which comes with Safelight. */
  readonly model?: string | undefined;
  /** Accept the model's licence without being asked. */
  readonly acceptLicense: boolean;
  /** Whether to show the playground. @defaultValue as configured, or as it is */
  readonly playground?: boolean | undefined;
  /** Draw a first picture on the new endpoint: it starts a GPU. */
  readonly smokeTest: boolean;
  /** Key to test with where keys were made before: they cannot be shown again. */
  readonly apiKey?: string | undefined;
}

export interface SmokeTestParams {
  readonly endpoint: string;
  readonly apiKey: string;
  readonly model: string;
  readonly print: Print;
}

export interface DeployTools extends PreflightParams {
  readonly print: Print;
  /** The playground's files, as `npm run playground` built them. */
  readPlayground(): Promise<readonly SiteFile[]>;
  /** Draws one picture, and says in a few words how it went. */
  smokeTest(params: SmokeTestParams): Promise<string>;
}

/** Comes with Safelight: its bundle is made when it is sent. */
const EMBEDDED_MODEL = 'mini';

/** What the steps learn, each for those after it. */
export interface Deployment {
  outputs: Outputs | undefined;
  apiKey: string | undefined;
}

/** From nothing to an endpoint that has drawn a picture. Each step looks first whether it was done before. */
export function deploySteps(options: DeployOptions, tools: DeployTools, deployment: Deployment): Step[] {
  const session: Session = { options, tools, deployment, checks: undefined, before: {} };
  const steps = [checkStep, modelStep, bootstrapStep, webhookStep, stackStep, pushStep, playgroundStep, keyStep];
  if (options.smokeTest) steps.push(smokeTestStep);
  return steps.map((step) => step(session));
}

interface Session {
  readonly options: DeployOptions;
  readonly tools: DeployTools;
  readonly deployment: Deployment;
  checks: PreflightResult | undefined;
  /** What the stack said before this run. */
  before: Partial<Outputs>;
}

const checkStep = (session: Session): Step => ({
  title: 'Checking what is needed',
  async run() {
    const { aws, config, print } = session.tools;
    session.checks = await preflight(session.tools);
    for (const finding of session.checks.findings) print(describeFinding(finding));
    const problems = session.checks.findings.filter(({ outcome }) => outcome === 'problem');
    if (problems.length > 0) throw new Error(`${problems.length} of the checks above must be mended first.`);
    session.before = (await aws.stack(config.name))?.outputs ?? {};
    return `account ${session.checks.identity?.account}`;
  },
});

const modelStep = (session: Session): Step => ({
  title: 'Preparing the model',
  async run() {
    const { options, before } = session;
    const local = await localModels(session);
    const missing = modelsOf(session).filter((model) => !local.includes(model));
    const wanted = modelName(options);
    if (options.checkpoint !== undefined && wanted !== undefined && missing.includes(wanted)) {
      const consent = options.acceptLicense ? ['--accept-license'] : [];
      await safelight(session, [
        'weights',
        'convert',
        options.checkpoint,
        '--name',
        wanted,
        '--target',
        'cuda',
        ...consent,
      ]);
      return `${wanted} converted`;
    }
    const sent = list(before.Models) ?? [];
    const absent = missing.filter((model) => !sent.includes(model));
    if (absent.length === 0) return `${modelsOf(session).join(', ')}: there already`;
    throw new Error(
      `There is no model ${absent.join(', ')} for GPUs on this machine. Pass --checkpoint <file>, or --model mini to try the endpoint with the small model that comes with Safelight.`,
    );
  },
});

const bootstrapStep = (session: Session): Step => ({
  title: 'Preparing the account for CDK',
  async run() {
    const { checks, tools } = session;
    if (checks?.isBootstrapped) return 'done before';
    await cdk(tools, ['bootstrap', `aws://${checks?.identity?.account}/${tools.config.region}`]);
    return 'done';
  },
});

/** Before the stack, whose functions ask for it. It is never shown: whoever needs it reads it from SSM. */
const webhookStep = ({ tools }: Session): Step => ({
  title: 'Making the secret that webhooks are signed with',
  async run() {
    const secret = `whsec_${randomBytes(32).toString('base64')}`;
    return (await tools.aws.createSecret(webhookSecretsName(tools.config), secret)) ? 'done' : 'there already';
  },
});

const stackStep = (session: Session): Step => ({
  title: 'Creating the endpoint',
  async run() {
    const { deployment, before } = session;
    const { domain } = session.tools.config;
    const known = domain === undefined ? before.EndpointUrl : `https://${domain.name}`;
    deployment.outputs = await deployStack(session, known);
    const { EndpointUrl } = deployment.outputs;
    // Only now has the playground an address, from which its pages may fetch pictures.
    if (hasPlayground(session) && EndpointUrl !== known) deployment.outputs = await deployStack(session, EndpointUrl);
    return EndpointUrl;
  },
});

async function deployStack(session: Session, address: string | undefined): Promise<Outputs> {
  const { tools, before, checks } = session;
  // A network cannot move to other zones: those of the first deployment stay.
  const zones = before.Zones ?? checks?.zones.join(',') ?? '';
  const values = {
    [CONTEXT.models]: modelsOf(session).join(','),
    [CONTEXT.zones]: zones,
    [CONTEXT.playground]: String(hasPlayground(session)),
    ...(address === undefined ? {} : { [CONTEXT.address]: address }),
  };
  const context = Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  await cdk(tools, ['deploy', tools.config.name, '--require-approval', 'never', ...context]);
  return await readOutputs(tools.aws, tools.config);
}

const pushStep = (session: Session): Step => ({
  title: 'Sending the model',
  async run() {
    const { ModelsBucket } = session.deployment.outputs ?? {};
    const local = await localModels(session);
    const models = modelsOf(session).filter((model) => local.includes(model));
    // What is there already is not sent again.
    // The bundle for GPUs lies beside one for the processor, if there is one.
    const push = (model: string) =>
      safelight(session, [
        'weights',
        'push',
        model === EMBEDDED_MODEL ? model : `${model}-cuda`,
        `s3://${ModelsBucket}/${model}`,
      ]);
    for (const model of models) await push(model);
    return models.length === 0 ? 'there already' : models.join(', ');
  },
});

const playgroundStep = (session: Session): Step => ({
  title: 'Sending the playground',
  async run() {
    const { tools, deployment } = session;
    const { PlaygroundBucket, PlaygroundUrl } = deployment.outputs ?? {};
    if (PlaygroundBucket === undefined) return 'there is none; --playground makes one';
    await tools.runner.run('npm', ['run', '--silent', 'playground']);
    await tools.aws.sendSite(PlaygroundBucket, await tools.readPlayground());
    return `${PlaygroundUrl}`;
  },
});

const keyStep = (session: Session): Step => ({
  title: 'Making the first API key',
  async run() {
    const { tools, deployment, options } = session;
    const table = deployment.outputs?.KeysTable ?? '';
    if (await tools.aws.hasApiKeys(table)) {
      deployment.apiKey = options.apiKey;
      return 'there are keys already';
    }
    const env = { SAFELIGHT_KEYS_TABLE: table };
    const made = await safelight(session, ['keys', 'create', 'first'], { isQuiet: true, env });
    deployment.apiKey = made.trim();
    // At once: were a later step to fail, it could not be shown again.
    tools.print(`    Your API key, shown this once: ${deployment.apiKey}`);
    return 'done';
  },
});

const smokeTestStep = (session: Session): Step => ({
  title: 'Drawing a first picture',
  async run() {
    const { outputs, apiKey } = session.deployment;
    if (outputs === undefined || apiKey === undefined) return 'left out: set SAFELIGHT_API_KEY to one of your keys';
    const { print, smokeTest } = session.tools;
    return smokeTest({ endpoint: outputs.EndpointUrl, apiKey, model: modelsOf(session)[0] ?? '', print });
  },
});

/** What the endpoint will offer. First the new one, which becomes the default. */
function modelsOf({ options, before, tools }: Session): string[] {
  const deployed = list(before.Models);
  if (deployed === undefined) return plannedModels(options, tools.config);
  const wanted = modelName(options);
  return wanted === undefined ? deployed : [wanted, ...deployed.filter((model) => model !== wanted)];
}

/** As asked for, else as configured, else as it is. */
const hasPlayground = ({ options, before, tools }: Session): boolean =>
  options.playground ?? tools.config.playground ?? before.PlaygroundUrl !== undefined;

/** What a first deployment offers. */
export function plannedModels(options: DeployOptions, { models }: Config): string[] {
  const wanted = modelName(options);
  return wanted === undefined ? [...models] : [wanted];
}

function safelight({ tools }: Session, args: readonly string[], options: RunOptions = {}): Promise<string> {
  // The endpoint's workers have GPUs: models are made, and looked for, for them.
  const env = { AWS_REGION: tools.config.region, SAFELIGHT_DEVICE: 'cuda', ...options.env };
  return tools.runner.run('npm', ['run', '--silent', 'safelight', '--', ...args], { ...options, env });
}

function cdk({ runner, config }: DeployTools, args: readonly string[]): Promise<string> {
  const env = { AWS_REGION: config.region, AWS_DEFAULT_REGION: config.region };
  return runner.run('npx', ['--no-install', 'cdk', ...args], { folder: 'infra', env });
}

async function localModels(session: Session): Promise<string[]> {
  const models = JSON.parse(await safelight(session, ['models', '--json'], { isQuiet: true })) as { name: string }[];
  return models.map(({ name }) => name);
}

async function readOutputs(aws: AwsAccount, config: Config): Promise<Outputs> {
  const { outputs = {} } = (await aws.stack(config.name)) ?? {};
  const { EndpointUrl, ModelsBucket, Models, KeysTable, FleetTable, Cluster } = outputs;
  if (!(EndpointUrl && ModelsBucket && Models && KeysTable && FleetTable && Cluster))
    throw new Error(`The stack ${config.name} does not say where its endpoint is: look at it in CloudFormation.`);
  return { ...outputs, EndpointUrl, ModelsBucket, Models, KeysTable, FleetTable, Cluster };
}

/** `./sd-v1-4.ckpt` → `sd-v1-4`, as `weights convert` would name it. */
function modelName({ checkpoint, name, model }: DeployOptions): string | undefined {
  if (checkpoint === undefined) return model;
  if (name !== undefined) return name;
  return basename(checkpoint)
    .replace(/\.(ckpt|safetensors|safetensors\.index\.json|pt|bin)$/i, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-');
}

const list = (text: string | undefined): string[] | undefined => (text ? text.split(',') : undefined);

const SIGNS = { ok: '✓', warning: '!', problem: '✗' } as const;

function describeFinding({ check, outcome, detail }: Finding): string {
  return `    ${SIGNS[outcome]} ${check}: ${detail}`;
}
