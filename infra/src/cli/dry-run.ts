import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { createApp } from '../create-app.ts';
import { costReport } from './costs.ts';
import { type DeployOptions, plannedModels } from './deploy-steps.ts';
import type { Step } from './run-steps.ts';

/** What `deploy` would do and what it would cost. Asks nobody: it needs neither an account nor Docker. */
export function describePlan(settings: Config, options: DeployOptions, steps: readonly Step[]): string {
  const playground = options.playground ?? settings.playground;
  const config = { ...settings, models: plannedModels(options, settings), playground };
  const { workers, region, name } = config;
  return [
    `Stack ${name} in ${region}: up to ${workers.max} workers (${workers.capacity}) on ${workers.instanceTypes.join(', ')}`,
    `Models: ${config.models.join(', ')}${isGiven(options) ? '' : UNLESS_THERE}`,
    '',
    'Steps:',
    ...steps.map(({ title }, index) => `  ${index + 1}. ${title}`),
    '',
    'Resources:',
    ...countResources(config).map(([type, count]) => `  ${String(count).padStart(3)} ${type}`),
    '',
    costReport(config),
  ].join('\n');
}

const UNLESS_THERE =
  ', if converted before; otherwise pass --checkpoint <file>, or --model mini to try it with the small model that comes with Safelight';

const isGiven = ({ checkpoint, model }: DeployOptions): boolean => checkpoint !== undefined || model !== undefined;

/** Resources of the template by type, most frequent first. */
function countResources(config: Config): [string, number][] {
  const outdir = mkdtempSync(join(tmpdir(), 'safelight-plan-'));
  try {
    // Counting needs no bundled code.
    const { app } = createApp(config, { outdir, context: { 'aws:cdk:bundling-stacks': [] } });
    const template: { Resources: Record<string, { Type: string }> } = app.synth().getStackByName(config.name).template;
    const counts = new Map<string, number>();
    for (const { Type } of Object.values(template.Resources)) counts.set(Type, (counts.get(Type) ?? 0) + 1);
    return [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}
