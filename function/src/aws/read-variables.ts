import { FunctionError } from '../errors.ts';
import { ENTRY_POINTS, ENVIRONMENT } from './environment.ts';

type EntryPointName = keyof typeof ENTRY_POINTS;
type Required<Name extends EntryPointName> = (typeof ENTRY_POINTS)[Name]['required'][number];
type Optional<Name extends EntryPointName> = (typeof ENTRY_POINTS)[Name]['optional'][number];

/** An entry point's variables by their names in `ENVIRONMENT`. */
export type Variables<Name extends EntryPointName> = Record<Required<Name>, string> &
  Partial<Record<Optional<Name>, string>>;

/**
 * Reads what an entry point needs from the environment. A variable set to nothing counts as not set.
 * @throws FunctionError `unavailable` naming the variables that are missing.
 */
export const readVariables = <Name extends EntryPointName>(name: Name, env: NodeJS.ProcessEnv): Variables<Name> => {
  const { required, optional } = ENTRY_POINTS[name];
  const read = (variable: keyof typeof ENVIRONMENT) => env[ENVIRONMENT[variable]]?.trim() ?? '';
  const missing = required.filter((variable) => read(variable) === '').map((variable) => ENVIRONMENT[variable]);
  if (missing.length > 0)
    throw new FunctionError('unavailable', `Set ${missing.join(', ')}: the deployment sets them for ${name}`);
  const present = [...required, ...optional].filter((variable) => read(variable) !== '');
  return Object.fromEntries(present.map((variable) => [variable, read(variable)])) as Variables<Name>;
};

/** @throws FunctionError `unavailable` when the text is there and is no whole number above 0. */
export const readCount = (variable: keyof typeof ENVIRONMENT, text: string | undefined, absent: number): number => {
  if (text === undefined) return absent;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new FunctionError('unavailable', `${ENVIRONMENT[variable]} must be a whole number above 0`);
};
