import * as z from 'zod/mini';
import { InvalidInputError } from './errors/invalid-input-error.ts';

/**
 * Checks what a caller passed and fills in the contract's defaults.
 * @throws InvalidInputError with the first thing that is wrong and its field; never with the value.
 */
export function parseInput<Output>(schema: z.ZodMiniType<Output>, input: unknown): Output {
  const parsed = z.safeParse(schema, input);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path.join('.');
  throw new InvalidInputError(issue?.message ?? 'The input is not valid', {
    code: 'invalid_input',
    field: field === '' ? undefined : field,
  });
}
