import { ENTRY_POINTS, ENVIRONMENT } from '@safelight/function/aws/environment';

export type Variable = keyof typeof ENVIRONMENT;
export type EntryPointName = keyof typeof ENTRY_POINTS;

/** Values of environment variables, by their names in the code. */
export type Variables = Partial<Record<Variable, string>>;

/**
 * The environment of an entry point: of these values, those that it reads.
 * @throws Error when one is missing without which it does not start.
 */
export function environmentOf(name: EntryPointName, values: Variables): Record<string, string> {
  const { required, optional } = ENTRY_POINTS[name];
  const environment: Record<string, string> = {};
  for (const variable of [...required, ...optional]) {
    const value = values[variable];
    if (value !== undefined) environment[ENVIRONMENT[variable]] = value;
    else if (includes(required, variable)) throw new Error(`The entry point ${name} needs the variable ${variable}`);
  }
  return environment;
}

const includes = (variables: readonly Variable[], variable: Variable): boolean => variables.includes(variable);
