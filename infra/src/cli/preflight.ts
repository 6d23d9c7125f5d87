import type { Config } from '../config.ts';
import type { AwsAccount, Identity } from './aws-account.ts';
import type { ProcessRunner } from './process-runner.ts';

/** EC2's quotas of virtual processors in all G and VT machines together. */
const QUOTAS = {
  'on-demand': { code: 'L-DB2E81BA', name: 'Running On-Demand G and VT instances' },
  spot: { code: 'L-3819A6DF', name: 'All G and VT Spot Instance Requests' },
} as const;
/** Of each supported instance type. */
const PROCESSORS_PER_WORKER = 4;
/** Zones a network is spread over, at most. */
const MAX_ZONES = 3;

/** Result of one check. */
export interface Finding {
  readonly check: string;
  readonly outcome: 'ok' | 'warning' | 'problem';
  /** What was found; for a warning or problem, also what to do. */
  readonly detail: string;
}

export interface PreflightResult {
  readonly findings: readonly Finding[];
  readonly identity: Identity | undefined;
  readonly isBootstrapped: boolean;
  /** Zones that offer one of the wanted machines. */
  readonly zones: readonly string[];
}

export interface PreflightParams {
  readonly config: Config;
  readonly aws: AwsAccount;
  readonly runner: ProcessRunner;
  /** Program that builds images: `docker`, or what `CDK_DOCKER` names. */
  readonly docker: string;
  /** Version of the `cdk` program that the app was tested with. */
  readonly cdkVersion: string;
}

/** Checks everything that can be known before, so that all that is missing is said at once. Changes nothing. */
export async function preflight(params: PreflightParams): Promise<PreflightResult> {
  const { config, aws } = params;
  const local = await Promise.all([checkDocker(params), checkCdk(params)]);
  const identity = await aws.identity().catch(() => undefined);
  if (identity === undefined) {
    const detail = `AWS does not know you in ${config.region}. Sign in (aws configure, or aws sso login), or set AWS_PROFILE.`;
    const findings: Finding[] = [{ check: 'Credentials', outcome: 'problem', detail }, ...local];
    return { findings, identity, isBootstrapped: false, zones: [] };
  }
  const [quotas, machines, toolkit] = await Promise.all([
    checkQuotas(params),
    checkMachines(params),
    aws.stack('CDKToolkit').catch(() => undefined),
  ]);
  const isBootstrapped = toolkit !== undefined;
  const account: Finding = { check: 'Credentials', outcome: 'ok', detail: `account ${identity.account}` };
  const bootstrap: Finding = {
    check: 'CDK bootstrap',
    outcome: 'ok',
    detail: isBootstrapped ? 'done before' : 'will be done: a bucket and a registry for what CDK uploads',
  };
  const findings = [account, ...quotas, machines.finding, bootstrap, ...local];
  return { findings, identity, isBootstrapped, zones: machines.zones };
}

async function checkQuotas({ config, aws }: PreflightParams): Promise<Finding[]> {
  const { capacity, max } = config.workers;
  const wanted = max * PROCESSORS_PER_WORKER;
  const kinds = (['spot', 'on-demand'] as const).filter((kind) => capacity !== otherOnly(kind));
  const values = await Promise.all(
    kinds.map((kind) => aws.quota(QUOTAS[kind].code).catch((error: unknown) => messageOf(error))),
  );
  // Where either kind will do, one of them is enough to start.
  const canStart = values.some((value) => typeof value === 'string' || value >= PROCESSORS_PER_WORKER);
  return kinds.map((kind, index) => {
    const { code, name } = QUOTAS[kind];
    const check = `Quota, ${kind}`;
    const value = values[index] ?? 0;
    if (typeof value === 'string')
      return { check, outcome: 'warning', detail: `could not be read (${value}): look at "${name}" yourself` };
    if (value >= wanted) return { check, outcome: 'ok', detail: `${value} virtual processors` };
    const have = `"${name}" is ${value} virtual processors; ${max} workers need ${wanted}.`;
    const ask = `aws service-quotas request-service-quota-increase --service-code ec2 --quota-code ${code} --desired-value ${wanted} --region ${config.region}`;
    const detail = `${have} Ask for more (granted within hours to days): ${ask}`;
    return { check, outcome: canStart ? 'warning' : 'problem', detail };
  });
}

const otherOnly = (kind: 'spot' | 'on-demand') => (kind === 'spot' ? 'on-demand-only' : 'spot-only');

async function checkMachines({ config, aws }: PreflightParams): Promise<{ finding: Finding; zones: string[] }> {
  const check = 'Machines';
  const { region } = config;
  const { instanceTypes } = config.workers;
  const problem = (detail: string) => ({ finding: { check, outcome: 'problem', detail } as const, zones: [] });
  try {
    const offered = await aws.zonesOffering(instanceTypes);
    const zones = [...new Set([...offered.values()].flat())].sort();
    const types = instanceTypes.filter((type) => (offered.get(type)?.length ?? 0) > 0);
    if (zones.length === 0)
      return problem(
        `${region} has no ${instanceTypes.join(' or ')}: choose another region or instanceTypes in safelight.config.ts.`,
      );
    const chosen = zones.slice(0, MAX_ZONES);
    return { finding: { check, outcome: 'ok', detail: `${types.join(', ')} in ${chosen.join(', ')}` }, zones: chosen };
  } catch (error) {
    return problem(
      `${region} could not be asked for its machines (${messageOf(error)}): is it enabled for the account?`,
    );
  }
}

async function checkDocker({ runner, docker }: PreflightParams): Promise<Finding> {
  const check = 'Image builder';
  try {
    await runner.run(docker, ['info'], { isQuiet: true });
    return { check, outcome: 'ok', detail: docker };
  } catch {
    const detail = `${docker} does not answer: start Docker, or name another builder, such as CDK_DOCKER=podman or finch.`;
    return { check, outcome: 'problem', detail };
  }
}

async function checkCdk({ runner, cdkVersion }: PreflightParams): Promise<Finding> {
  const check = 'CDK';
  const found = await runner.run('npx', ['--no-install', 'cdk', '--version'], { isQuiet: true }).catch(messageOf);
  if (found.startsWith(cdkVersion)) return { check, outcome: 'ok', detail: cdkVersion };
  const detail = `cdk ${cdkVersion} is needed and ${found.trim()} was found: run npm ci in the repository's root.`;
  return { check, outcome: 'problem', detail };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
