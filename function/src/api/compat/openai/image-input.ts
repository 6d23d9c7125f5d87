import type { ModelInfo } from '@safelight/sdk/contract';
import { invalidField } from '../compat-input.ts';
import { fitSize, type Size } from '../fit-size.ts';
import type { Body } from '../read-body.ts';

export type ResponseFormat = 'url' | 'b64_json';

/** Fields of OpenAI's that change nothing here. */
const IGNORED_FIELDS = [
  'user',
  'safety_identifier',
  'quality',
  'style',
  'moderation',
  'output_compression',
  'input_fidelity',
] as const;

/** What a request says beside its pictures. */
export interface ImageRequest {
  /** For the contract's schema. */
  fields: Readonly<Record<string, unknown>>;
  /** Undefined where the size is left to the model. */
  size: Size | undefined;
  responseFormat: ResponseFormat | undefined;
}

const readSize = (size: unknown): Size | undefined => {
  if (size === undefined || size === 'auto') return undefined;
  const [, width, height] = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(String(size)) ?? [];
  if (width === undefined || height === undefined)
    throw invalidField('size', 'size must be auto, or width by height in pixels, such as 512x512');
  return { width: Number(width), height: Number(height) };
};

const readResponseFormat = (format: unknown): ResponseFormat | undefined => {
  if (format === undefined || format === 'url' || format === 'b64_json') return format;
  throw invalidField('response_format', 'response_format must be url or b64_json');
};

const refuseImpossible = ({ background, stream, partial_images: partialImages }: Body): void => {
  if (background === 'transparent')
    throw invalidField('background', 'background cannot be transparent: pictures are opaque');
  if (stream === true || Number(partialImages ?? 0) > 0)
    throw invalidField(stream === true ? 'stream' : 'partial_images', 'Partial images are not streamed: leave it out');
};

const toCamelCase = (name: string): string => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/**
 * Sorts a request's fields: OpenAI's own, and those of the contract, which may be written like OpenAI's (`guidance_scale`).
 * @throws FunctionError `invalid_input` for what cannot be done. Unknown fields are left for the contract to refuse.
 */
export const readImageRequest = (body: Body): ImageRequest => {
  const given = Object.entries(body).filter(([, value]) => value !== null && value !== undefined);
  const known = Object.fromEntries(given.filter(([name]) => !(IGNORED_FIELDS as readonly string[]).includes(name)));
  refuseImpossible(known);
  const { n, size, response_format, output_format, background: _b, stream: _s, partial_images: _p, ...rest } = known;
  // The model is found by the caller of this function: OpenAI's names are not the contract's.
  const { model: _m, ...extra } = rest;
  const fields = Object.fromEntries(Object.entries(extra).map(([name, value]) => [toCamelCase(name), value]));
  return {
    fields: {
      ...fields,
      ...(n === undefined ? {} : { count: n }),
      ...(output_format === undefined ? {} : { format: output_format }),
    },
    size: readSize(size),
    responseFormat: readResponseFormat(response_format),
  };
};

/** A size in the contract's fields; what the caller said with those themselves stands. */
export const sizeFields = (size: Size | undefined, model: ModelInfo): Partial<Size> =>
  size === undefined ? {} : fitSize(size, model);
