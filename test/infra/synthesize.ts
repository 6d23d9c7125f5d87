import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { type Config, defineConfig } from '../../infra/src/config.ts';
import { createApp } from '../../infra/src/create-app.ts';

export interface Resource {
  Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template is whatever CloudFormation takes
  Properties: any;
  DeletionPolicy?: string;
}

export interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Condition?: unknown;
}

export const CONFIG: Config = defineConfig({
  region: 'us-east-1',
  models: ['sd-v1-4'],
  workers: { instanceTypes: ['g4dn.xlarge'], max: 2, messagesPerWorker: 20, idleSeconds: 120 },
  monthlyBudgetUsd: 20,
});

/** The template, without bundling any code. */
export function synthesize(config: Partial<Config> = {}, context: Record<string, string> = {}) {
  const outdir = mkdtempSync(join(tmpdir(), 'safelight-cdk-'));
  process.on('exit', () => rmSync(outdir, { recursive: true, force: true }));
  const { stack } = createApp(
    { ...CONFIG, ...config },
    { outdir, context: { 'aws:cdk:bundling-stacks': [], ...context } },
  );
  const template = Template.fromStack(stack);
  const resources = (type: string): [string, Resource][] =>
    Object.entries(template.findResources(type)) as [string, Resource][];
  return { stack, template, resources };
}

export type Synthesized = ReturnType<typeof synthesize>;

/** The one resource of its kind. */
export function only(found: [string, Resource][]): Resource {
  assert.equal(found.length, 1);
  const [[, resource] = assert.fail()] = found;
  return resource;
}

/** All that a role whose id contains the text may do. */
export function statementsOf({ resources }: Synthesized, role: string): Statement[] {
  const ids = resources('AWS::IAM::Role')
    .map(([id]) => id)
    .filter((id) => id.includes(role));
  if (ids.length !== 1) throw new Error(`${ids.length} roles are called ${role}`);
  return resources('AWS::IAM::Policy')
    .filter(([, { Properties }]) => Properties.Roles.some(({ Ref }: { Ref: string }) => Ref === ids[0]))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement as Statement[]);
}

export const actionsOf = (statements: Statement[]): string[] =>
  [...new Set(statements.flatMap(({ Action }) => Action))].sort();

/** The statements that allow an action. */
export const allowing = (statements: Statement[], action: string): Statement[] =>
  statements.filter(({ Action }) => [Action].flat().includes(action));
