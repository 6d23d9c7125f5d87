import type { StandardSchemaWithJSON } from '@modelcontextprotocol/server';
import * as z from 'zod/mini';

/** A schema of the contract, and what an assistant should know of its fields. */
export interface DescribedInput<Schema extends z.ZodMiniObject = z.ZodMiniObject> {
  schema: Schema;
  descriptions: Readonly<Partial<Record<keyof z.input<Schema>, string>>>;
}

/**
 * What a tool says of its input. It is checked by the tool itself, with `parseInput`, so that what is wrong is told in the
 * contract's words.
 */
export function toToolInput({
  schema,
  descriptions,
}: DescribedInput): StandardSchemaWithJSON<Record<string, unknown>, Record<string, unknown>> {
  const described = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
  const properties = Object.entries(described.properties ?? {}).map(([name, property]) => {
    return [name, { ...(property as object), description: descriptions[name] }];
  });
  const json = { ...described, properties: Object.fromEntries(properties) };
  return {
    '~standard': {
      version: 1,
      vendor: 'safelight',
      validate: (value) => ({ value: value as Record<string, unknown> }),
      jsonSchema: { input: () => json, output: () => json },
    },
  };
}
