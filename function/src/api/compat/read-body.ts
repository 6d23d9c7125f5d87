import { TRPCError } from '@trpc/server';
import { FunctionError } from '../../errors.ts';
import { payloadTooLarge } from '../error-wire.ts';
import { MAX_PICTURES_BODY_BYTES } from '../request-limits.ts';

/** An object of a JSON document, or the texts and files of a form. */
export type Body = Readonly<Record<string, unknown>>;

const invalid = (message: string) => new FunctionError('invalid_input', message);

const readBytes = async (request: Request): Promise<ArrayBuffer> => {
  try {
    return await request.arrayBuffer();
  } catch (error) {
    if (error instanceof TRPCError && error.code === 'PAYLOAD_TOO_LARGE')
      throw payloadTooLarge(MAX_PICTURES_BODY_BYTES);
    throw new FunctionError('canceled', 'The request broke off', { cause: error });
  }
};

/** Reads a JSON object. A body that is empty is an empty object. @throws FunctionError `invalid_input` */
export const readJson = async (request: Request): Promise<Body> => {
  const text = new TextDecoder().decode(await readBytes(request));
  if (text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not the cause: it quotes the body.
    throw invalid('The body is not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('The body must be a JSON object');
  return value as Body;
};

/** Reads a form with files. @throws FunctionError `invalid_input` */
export const readForm = async (request: Request): Promise<FormData> => {
  const contentType = request.headers.get('content-type') ?? '';
  if (!/^multipart\/form-data\b/i.test(contentType)) throw invalid('Send a form, as multipart/form-data');
  const bytes = await readBytes(request);
  try {
    return await new Response(bytes, { headers: { 'content-type': contentType } }).formData();
  } catch {
    throw invalid('The form is damaged: it does not follow multipart/form-data');
  }
};
