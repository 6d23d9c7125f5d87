/** Checks that several parts of the contract share. */
import * as z from 'zod/mini';

/** A whole number within bounds; the message names the field. */
export const integer = (name: string, minimum: number, maximum: number) => {
  const error = `${name} must be a whole number from ${minimum} to ${maximum}`;
  // A check of zod's own for whole numbers would make the client larger by 400 bytes.
  return z
    .number(error)
    .check(z.refine(Number.isInteger, { error, abort: true }), z.minimum(minimum, error), z.maximum(maximum, error));
};

/** A number within bounds; the message names the field. */
export const decimal = (name: string, minimum: number, maximum: number) => {
  const error = `${name} must be a number from ${minimum} to ${maximum}`;
  return z.number(error).check(z.minimum(minimum, error), z.maximum(maximum, error));
};

/** One of a few names; the message lists them. */
export const oneOf = <const Names extends readonly [string, ...string[]]>(field: string, names: Names) =>
  z.enum(names, `${field} must be one of ${names.join(', ')}`);

/** True or false; the message names the field. */
export const yesOrNo = (name: string) => z.boolean(`${name} must be true or false`);

/** Names the fields that do not belong, so that a typing error is seen rather than ignored. */
export const unknownFields = {
  error: (issue: z.core.$ZodRawIssue) =>
    issue.code === 'unrecognized_keys' ? `unknown field: ${issue.keys.join(', ')}` : 'must be an object',
};

/**
 * One of a list that grows with the server's version, in an answer: any text passes, so that an older client can still
 * read the jobs of a newer server. Going back as input, it is checked against the list.
 */
export const openEnum = <Name extends string>() => z.string() as unknown as z.ZodMiniType<Name, Name>;

/** ISO 8601, UTC; so are all times. */
export const timeSchema = z.string();

/**
 * A variant of `known`, or one that only a newer server knows, read as what `toOther` makes of it. A known variant that is
 * not whole is refused all the same.
 */
export const orNewer = <Key extends string, Known extends Record<Key, string>, Other>(
  key: Key,
  known: z.ZodMiniType<Known>,
  names: readonly Known[Key][],
  toOther: (value: Record<string, unknown>) => Other,
): z.ZodMiniType<Known | Other> => {
  const isNewer = (value: Record<string, unknown>) =>
    typeof value[key] === 'string' && !(names as readonly string[]).includes(value[key]);
  const newer = z.looseObject({}).check(z.refine(isNewer));
  return z.union([known, z.pipe(newer, z.transform(toOther))]);
};
