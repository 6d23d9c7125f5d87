import type { AwsAccount, DeployedStack, SiteFile } from '../../../infra/src/cli/aws-account.ts';
import type { DeployTools, SmokeTestParams } from '../../../infra/src/cli/deploy-steps.ts';
import { CommandFailed, type ProcessRunner, type RunOptions } from '../../../infra/src/cli/process-runner.ts';
import { type Config, defineConfig } from '../../../infra/src/config.ts';

export const CONFIG: Config = defineConfig({
  region: 'eu-west-1',
  models: ['sd-v1-4'],
  workers: { instanceTypes: ['g4dn.xlarge', 'g6.xlarge'], max: 2, messagesPerWorker: 20, idleSeconds: 120 },
  monthlyBudgetUsd: 20,
});

export const OUTPUTS = {
  ...{ EndpointUrl: 'https://api.example.com', ModelsBucket: 'models-bucket' },
  ...{ Models: 'sd-v1-4', KeysTable: 'keys', FleetTable: 'fleet', Cluster: 'cluster', Zones: 'eu-west-1a,eu-west-1b' },
};

const PLAYGROUND_OUTPUTS = { PlaygroundUrl: OUTPUTS.EndpointUrl, PlaygroundBucket: 'site-bucket' };

export const SITE: readonly SiteFile[] = [
  { path: 'index.html', body: Buffer.from('page'), contentType: 'text/html; charset=utf-8', cacheControl: 'no-cache' },
];

/** An account and a machine as they could be; every property may be changed before and during a run. */
export class World {
  hasCredentials = true;
  quotas: Record<string, number | Error> = { 'L-DB2E81BA': 8, 'L-3819A6DF': 8 };
  zones: Record<string, string[]> = { 'g4dn.xlarge': ['eu-west-1b', 'eu-west-1a'], 'g6.xlarge': [] };
  stacks: Record<string, DeployedStack> = {};
  hasKeys = false;
  hasDocker = true;
  cdkVersion = '2.1148.1';
  localModels = ['mini'];
  /** Tasks in the cluster. */
  workers = 0;
  isPaused = false;
  logGroups = ['/aws/lambda/safelight-CustomS3AutoDelete', '/aws/lambda/other'];
  secrets: Record<string, string> = {};
  /** Files of the playground, by bucket. */
  sites: Record<string, readonly SiteFile[]> = {};
  /** Commands that fail, by a part of their text. */
  broken: string[] = [];
  readonly commands: string[] = [];
  readonly environments: RunOptions[] = [];
  readonly printed: string[] = [];
  readonly pictures: SmokeTestParams[] = [];

  readonly aws: AwsAccount = {
    identity: async () => {
      if (!this.hasCredentials) throw new Error('Could not load credentials');
      return { account: '123456789012', arn: 'arn:aws:iam::123456789012:user/owner' };
    },
    quota: async (code) => {
      const value = this.quotas[code] ?? 0;
      if (value instanceof Error) throw value;
      return value;
    },
    zonesOffering: async (types) => new Map(types.map((type) => [type, this.zones[type] ?? []])),
    stack: async (name) => this.stacks[name],
    hasApiKeys: async () => this.hasKeys,
    createSecret: async (name, value) => {
      if (name in this.secrets) return false;
      this.secrets[name] = value;
      return true;
    },
    deleteSecret: async (name) => {
      const isThere = name in this.secrets;
      delete this.secrets[name];
      return isThere;
    },
    sendSite: async (bucket, files) => {
      this.sites[bucket] = files;
    },
    pauseDispatcher: async () => {
      this.isPaused = true;
    },
    stopWorkers: async () => {
      if (!this.isPaused) throw new Error('The dispatcher would start others');
      return this.workers;
    },
    deleteLogGroups: async (prefix) => {
      const names = this.logGroups.filter((name) => name.startsWith(prefix));
      this.logGroups = this.logGroups.filter((name) => !names.includes(name));
      return names;
    },
  };

  readonly runner: ProcessRunner = {
    run: async (command, args, options = {}) => {
      const text = [command, ...args].join(' ').replace('npm run --silent safelight --', 'safelight');
      this.commands.push(text);
      this.environments.push(options);
      if (this.broken.some((part) => text.includes(part))) throw new CommandFailed(command, 'ended with code 1', '');
      return this.answer(text);
    },
  };

  readonly tools: DeployTools = {
    ...{ config: CONFIG, aws: this.aws, runner: this.runner, docker: 'docker', cdkVersion: '2.1148.1' },
    print: (line) => this.printed.push(line),
    readPlayground: async () => {
      if (!this.commands.includes('npm run --silent playground')) throw new Error('It is not built');
      return SITE;
    },
    smokeTest: async (params) => {
      this.pictures.push(params);
      return '512×512';
    },
  };

  /** Commands that change something. */
  changes(): string[] {
    return this.commands
      .filter((text) => !/ info$|--version$|models --json$/.test(text))
      .map((text) => text.split(' -c ')[0] ?? '');
  }

  private answer(text: string): string {
    if (text === 'docker info' && !this.hasDocker) throw new CommandFailed('docker', 'ended with code 1', '');
    if (text.endsWith('cdk --version')) return `${this.cdkVersion} (build 1234567)\n`;
    if (text.endsWith('models --json')) return JSON.stringify(this.localModels.map((name) => ({ name })));
    const converted = /weights convert .+ --name (\S+)/.exec(text)?.[1];
    if (converted !== undefined) this.localModels.push(converted);
    if (text.includes('cdk bootstrap')) this.stacks.CDKToolkit = { status: 'CREATE_COMPLETE', outputs: {} };
    if (text.includes('cdk deploy')) {
      const Models = /models=(\S+)/.exec(text)?.[1] ?? '';
      const playground = text.includes('safelight:playground=true') ? PLAYGROUND_OUTPUTS : {};
      this.stacks.safelight = { status: 'CREATE_COMPLETE', outputs: { ...OUTPUTS, Models, ...playground } };
    }
    if (text.includes('cdk destroy')) delete this.stacks.safelight;
    if (text.includes('keys create')) {
      this.hasKeys = true;
      return 'sl_the-secret\n';
    }
    return '';
  }
}
