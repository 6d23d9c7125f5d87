/** As much of JSON Schema as the documents use. */
interface Schema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  examples?: unknown[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  minimum?: number;
  maximum?: number;
  default?: unknown;
  description?: string;
  $ref?: string;
}

/** One line about one field. */
export interface FieldRow {
  /** With dots for fields within fields, and `[]` for the items of a list. */
  name: string;
  type: string;
  isRequired: boolean;
  note: string;
}

const MAX_DEPTH = 6;

const rangeOf = ({ minimum, maximum, type }: Schema): string => {
  // The largest integer that JavaScript knows is no limit that anybody set.
  const isOpen = type === 'integer' && maximum === Number.MAX_SAFE_INTEGER;
  if (minimum !== undefined && maximum !== undefined && !isOpen) return `${minimum} to ${maximum}`;
  if (minimum !== undefined && minimum !== Number.MIN_SAFE_INTEGER) return `from ${minimum}`;
  return maximum === undefined || isOpen ? '' : `up to ${maximum}`;
};

const typeOf = (schema: Schema): string => {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const variants = schema.oneOf ?? schema.anyOf;
  if (variants !== undefined) return [...new Set(variants.map(typeOf))].join(' | ');
  if (schema.type === 'array') {
    const item = typeOf(schema.items ?? {});
    return item.includes(' | ') ? `(${item})[]` : `${item}[]`;
  }
  return schema.type ?? 'any';
};

const noteOf = (schema: Schema): string => {
  const parts = [rangeOf(schema), schema.description ?? ''];
  if (schema.default !== undefined) parts.push(`default ${JSON.stringify(schema.default)}`);
  if (schema.examples !== undefined) parts.push(`such as ${schema.examples.join(', ')}`);
  return parts.filter((part) => part !== '').join('; ');
};

function* walk(schema: Schema, prefix: string, depth: number): Generator<FieldRow, void> {
  if (depth > MAX_DEPTH) return;
  for (const variant of schema.oneOf ?? schema.anyOf ?? []) yield* walk(variant, prefix, depth + 1);
  if (schema.items !== undefined) yield* walk(schema.items, `${prefix}[]`, depth + 1);
  for (const [key, field] of Object.entries(schema.properties ?? {})) {
    const name = prefix === '' ? key : `${prefix}.${key}`;
    yield { name, type: typeOf(field), isRequired: schema.required?.includes(key) ?? false, note: noteOf(field) };
    yield* walk(field, name, depth + 1);
  }
}

/** The fields of a schema, those within others behind them. Fields that several variants have are told once. */
export const describeFields = (schema: object): FieldRow[] => {
  const rows = new Map<string, FieldRow>();
  for (const row of walk(schema, '', 0)) if (!rows.has(row.name)) rows.set(row.name, row);
  return [...rows.values()];
};
