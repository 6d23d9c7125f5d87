import type { Command } from 'commander';
import { FunctionError } from '../../errors.ts';
import type { UseKeys } from './index.ts';

export function addRevokeKeyCommand(keys: Command, useKeys: UseKeys): void {
  keys
    .command('revoke')
    .description('let a key in no more, a minute from now at the latest; its jobs stay')
    .argument('<key>', 'such as key-0123456789abcdef: "safelight keys list" says which there are')
    .action(async (owner: string) => {
      if (!(await useKeys((store) => store.revoke(owner))))
        throw new FunctionError('not_found', `There is no key ${owner}: "safelight keys list" says which there are`);
      process.stdout.write(`Revoked ${owner}\n`);
    });
}
