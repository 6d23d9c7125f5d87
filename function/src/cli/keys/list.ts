import type { Command } from 'commander';
import type { ApiKeyInfo } from '../../api/keys/dynamo-key-store.ts';
import type { UseKeys } from './index.ts';

export function addListKeysCommand(keys: Command, useKeys: UseKeys): void {
  keys
    .command('list')
    .description('list the keys, without their secrets')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const all = await useKeys((store) => store.list());
      const text = json ? JSON.stringify(all, null, 2) : all.map(describe).join('\n');
      if (text !== '') process.stdout.write(`${text}\n`);
    });
}

function describe({ owner, name, createdAt, revokedAt, limits }: ApiKeyInfo): string {
  const state = revokedAt === undefined ? 'valid' : `revoked ${revokedAt}`;
  const limited = Object.entries(limits).map(([limit, value]) => `${limit} ${value}`);
  return [owner, name, `made ${createdAt}`, state, ...limited].join('  ');
}
