import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { config } from '../../safelight.config.ts';
import { destroySteps } from './destroy-steps.ts';
import { runSteps } from './run-steps.ts';
import { createTools, print } from './tools.ts';

const HELP = `Deletes your endpoint and everything it keeps: pictures, models, keys, job records, playground, logs.

npm run destroy

  --yes    do not ask
  --help`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { yes: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  });
  if (values.help) return print(HELP);
  const tools = await createTools(config);
  const { account } = await tools.aws.identity();
  if (!values.yes && !(await isConfirmed(account))) return print('Nothing was deleted.');
  await runSteps(destroySteps(tools), print);
  print(
    'Nothing is left but what CDK itself keeps in the account: its bootstrap stack, and the image in its registry.',
  );
}

/** Asks for the stack's name, so that nobody deletes the wrong one by habit. */
async function isConfirmed(account: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Error('Deleting needs your consent: pass --yes');
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const question = `Everything of ${config.name} in account ${account}, ${config.region} will be deleted. Type its name to go on: `;
  const answer = await reader.question(question);
  reader.close();
  return answer.trim() === config.name;
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
