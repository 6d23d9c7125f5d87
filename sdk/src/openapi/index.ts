/** The API described for other languages and tools, from the contract's own schemas. */
import * as z from 'zod/mini';
import {
  errorDataSchema,
  estimateInputSchema,
  estimateSchema,
  healthSchema,
  jobPageSchema,
  jobRefSchema,
  jobSchema,
  listInputSchema,
  modelInfoSchema,
  modelRefSchema,
  promptReadingSchema,
  readPromptInputSchema,
  signedUrlSchema,
  signInputSchema,
  submitInputSchema,
  uploadInputSchema,
  uploadTicketSchema,
  usageInputSchema,
  usageSchema,
  webhookEventSchema,
} from '../contract/index.ts';
import { samplerInputSchema, scheduleInputSchema } from '../contract/sampler-names.ts';
import { samplerSchema, scheduleSchema } from '../contract/samplers.ts';

/** One procedure of the API. */
export interface ProcedureDescription {
  /** Queries and subscriptions are GET, mutations POST; a subscription answers with server-sent events. */
  type: 'query' | 'mutation' | 'subscription';
  summary: string;
  input?: z.ZodMiniType;
  output: z.ZodMiniType;
}

/** Every procedure by its path. */
export const apiProcedures: Record<string, ProcedureDescription> = {
  'jobs.submit': {
    type: 'mutation',
    summary: 'Submit a job, once per idempotency key',
    input: submitInputSchema,
    output: jobSchema,
  },
  'jobs.get': { type: 'query', summary: 'A job as it is now', input: jobRefSchema, output: jobSchema },
  'jobs.watch': {
    type: 'subscription',
    summary: 'The job now and after every change',
    input: jobRefSchema,
    output: jobSchema,
  },
  'jobs.cancel': { type: 'mutation', summary: 'Stop a job', input: jobRefSchema, output: jobSchema },
  'jobs.list': { type: 'query', summary: 'Jobs, newest first', input: listInputSchema, output: jobPageSchema },
  'jobs.estimate': {
    type: 'query',
    summary: 'What a job would take',
    input: estimateInputSchema,
    output: estimateSchema,
  },
  'images.sign': {
    type: 'query',
    summary: 'A fresh URL for a picture',
    input: signInputSchema,
    output: signedUrlSchema,
  },
  'uploads.create': {
    type: 'mutation',
    summary: 'How to send a picture',
    input: uploadInputSchema,
    output: uploadTicketSchema,
  },
  'models.list': { type: 'query', summary: 'The models that the server has', output: z.array(modelInfoSchema) },
  'models.get': { type: 'query', summary: 'One model', input: modelRefSchema, output: modelInfoSchema },
  'prompts.read': {
    type: 'mutation',
    summary: 'How a prompt is read',
    input: readPromptInputSchema,
    output: promptReadingSchema,
  },
  'usage.get': { type: 'query', summary: 'What this key used, by day', input: usageInputSchema, output: usageSchema },
  health: { type: 'query', summary: 'Whether the server is up', output: healthSchema },
};

const errorSchema = z.object({
  error: z.object({ message: z.string(), data: z.object({ safelight: errorDataSchema }) }),
});

type Json = Record<string, unknown>;

/** Fields that take names known elsewhere too: the canonical ones. */
const canonicalNames = new Map<unknown, readonly string[]>([
  [samplerInputSchema, samplerSchema.options],
  [scheduleInputSchema, scheduleSchema.options],
]);

/** What zod does not say by itself: names that are known elsewhere, and which numbers are whole. */
const complete = ({ zodSchema, jsonSchema: described }: { zodSchema: z.core.$ZodTypes; jsonSchema: Json }): void => {
  const examples = canonicalNames.get(zodSchema);
  if (examples !== undefined) described.examples = examples;
  const checks = (zodSchema._zod.def.checks ?? []) as z.core.$ZodCheck<never>[];
  const refinements = checks.map(({ _zod }) => (_zod.def as Partial<z.core.$ZodCustomDef>).fn);
  if (refinements.includes(Number.isInteger)) described.type = 'integer';
};

const jsonSchema = (schema: z.ZodMiniType, io: 'input' | 'output'): Json => {
  // Answers are described as they are sent: what a client makes of names that it does not know is its own affair.
  const { $schema: _, ...described } = z.toJSONSchema(schema, { io, unrepresentable: 'any', override: complete });
  return described;
};

function describeProcedure(path: string, { type, summary, input, output }: ProcedureDescription): Json {
  const data = jsonSchema(output, 'input');
  const envelope = {
    type: 'object',
    required: ['result'],
    properties: { result: { type: 'object', required: ['data'], properties: { data } } },
  };
  const content =
    type === 'subscription' ? { 'text/event-stream': { schema: data } } : { 'application/json': { schema: envelope } };
  const inputSchema = input && jsonSchema(input, 'input');
  const inBody = type === 'mutation' &&
    inputSchema && { requestBody: { required: true, content: { 'application/json': { schema: inputSchema } } } };
  const inQuery = type !== 'mutation' &&
    inputSchema && {
      parameters: [{ name: 'input', in: 'query', content: { 'application/json': { schema: inputSchema } } }],
    };
  const responses = {
    200: {
      description: type === 'subscription' ? 'Events named "message", each a state; "return" ends them' : 'Done',
      content,
    },
    default: {
      description: 'Refused or failed',
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
    },
  };
  return {
    operationId: path,
    summary,
    security: path === 'health' ? [] : [{ key: [] }],
    ...inBody,
    ...inQuery,
    responses,
  };
}

/**
 * An OpenAPI 3.1 document of the API.
 * @param serverUrl - where it is, without `/trpc`.
 */
export function createOpenApiDocument(serverUrl = '/'): Json {
  const paths = Object.entries(apiProcedures).map(([path, procedure]) => [
    `/trpc/${path}`,
    { [procedure.type === 'mutation' ? 'post' : 'get']: describeProcedure(path, procedure) },
  ]);
  return {
    openapi: '3.1.0',
    info: { title: 'Safelight', version: '0.1.0', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: serverUrl }],
    paths: Object.fromEntries(paths),
    webhooks: {
      'job.finished': {
        post: {
          requestBody: { content: { 'application/json': { schema: jsonSchema(webhookEventSchema, 'output') } } },
          responses: { '2XX': { description: 'Taken' } },
        },
      },
    },
    components: {
      schemas: { Error: jsonSchema(errorSchema, 'output') },
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
    },
  };
}
