import { generateInputSchema, type ParsedGenerateInput, promptTextSchema } from '@safelight/sdk/contract';
import * as z from 'zod/mini';
import { FunctionError } from '../../errors.ts';
import { fromIssues } from '../error-wire.ts';

/** The contract's input, but the prompt may be empty, as other programs' may. */
const looseSchema = z.extend(generateInputSchema, { prompt: promptTextSchema });

export interface ParseOptions {
  /** @defaultValue false */
  allowsEmptyPrompt?: boolean;
}

/**
 * Checks what was gathered from a request against the contract.
 * @param fields those that are `undefined` are left out.
 * @throws FunctionError `invalid_input` naming the contract's field.
 */
export const parseFields = (
  fields: Readonly<Record<string, unknown>>,
  { allowsEmptyPrompt = false }: ParseOptions = {},
): ParsedGenerateInput => {
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  const parsed = (allowsEmptyPrompt ? looseSchema : generateInputSchema).safeParse(given);
  if (parsed.success) return parsed.data;
  throw fromIssues(parsed.error) ?? invalidField('prompt', 'The input is not valid');
};

/** What a caller sent is not what the field takes. */
export const invalidField = (field: string, message: string): FunctionError =>
  new FunctionError('invalid_input', message, { field });

/**
 * An error in the words of another API.
 * @param names that API's names of the contract's fields.
 */
export const withNames = (error: FunctionError, names: Readonly<Record<string, string>>): FunctionError => {
  const { code, message, field, isRetryable, retryAfterSeconds, cause } = error;
  const name = field === undefined ? undefined : names[field];
  if (field === undefined || name === undefined) return error;
  return new FunctionError(code, message.replaceAll(field, name), {
    field: name,
    isRetryable,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    cause,
  });
};
