import { createInterface } from 'node:readline/promises';
import { openRailTerms } from '../../bundle/openrail-license.ts';
import { FunctionError } from '../../errors.ts';

/**
 * Asks for consent to the licence that v1 checkpoints come under.
 * @throws FunctionError `invalid_input` without it, or where there is nobody to ask.
 */
export async function acceptLicense(alreadyAccepted: boolean): Promise<void> {
  if (alreadyAccepted) return;
  if (!process.stdin.isTTY) {
    throw new FunctionError(
      'invalid_input',
      'Converting needs your consent to the CreativeML OpenRAIL-M licence: read it, then pass --accept-license',
      { field: 'acceptLicense' },
    );
  }
  process.stderr.write(`${openRailTerms}\n\n`);
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await reader.question('Do you accept these terms? (yes/no) ');
  reader.close();
  if (!/^y(es)?$/i.test(answer.trim())) {
    throw new FunctionError('invalid_input', 'Not converted: the licence was not accepted', { field: 'acceptLicense' });
  }
}
