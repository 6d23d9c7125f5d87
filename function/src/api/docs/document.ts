import { createOpenApiDocument } from '@safelight/sdk/openapi';
import { compatPaths } from './compat-paths.ts';

/** An operation of a document, as far as the page about it goes. */
export interface Operation {
  tags: string[];
  summary: string;
  parameters?: { name: string; in: string; schema?: object; content?: Record<string, { schema: object }> }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { description: string; content?: Record<string, { schema?: object }> }>;
}

export interface ApiDocument {
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
}

const OWN_TAG = 'Safelight';

/**
 * The OpenAPI document of all that a server has: its own API, and the compatible ones under tags of theirs.
 * @param serverUrl where it is, without a path.
 */
export const createApiDocument = (serverUrl: string, version: string): ApiDocument => {
  const own = createOpenApiDocument(serverUrl) as unknown as ApiDocument & { components: { securitySchemes: object } };
  const ownPaths = Object.entries(own.paths).map(([path, methods]) => [
    path,
    Object.fromEntries(
      Object.entries(methods).map(([method, operation]) => [method, { ...operation, tags: [OWN_TAG] }]),
    ),
  ]);
  const { components } = own;
  return {
    ...own,
    info: { ...own.info, version },
    paths: { ...Object.fromEntries(ownPaths), ...compatPaths },
    components: {
      ...components,
      securitySchemes: { ...components.securitySchemes, password: { type: 'http', scheme: 'basic' } },
    },
  } as ApiDocument;
};
