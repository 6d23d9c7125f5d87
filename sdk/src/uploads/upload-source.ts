import { MAX_UPLOAD_BYTES, type UploadType } from '../contract/index.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';

/**
 * What `upload` takes: a `Blob` or `File`, bytes (a Node `Buffer` is some), a stream of bytes, a `Response`, or a `URL` to
 * fetch it from. For a path of the file system there is `uploadFile` in `@safelight/sdk/node`.
 */
export type UploadSource =
  | Blob
  | ArrayBuffer
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Response
  | URL;

const invalid = (message: string) => new InvalidInputError(message, { code: 'invalid_input', field: 'source' });

/**
 * All bytes of a source other than a URL, in memory: they are hashed before they are sent.
 * @throws InvalidInputError for something else, and for more than a server takes, as soon as that is known.
 */
export async function readSource(source: Exclude<UploadSource, URL>): Promise<Uint8Array<ArrayBuffer>> {
  if (source instanceof ArrayBuffer) return checkSize(new Uint8Array(source));
  if (source instanceof Uint8Array) return checkSize(new Uint8Array(source));
  if (source instanceof Response) {
    if (source.body === null) throw invalid('source is a Response without a body');
    return readStream(source.body);
  }
  if (source instanceof Blob) {
    checkLength(source.size);
    return new Uint8Array(await source.arrayBuffer());
  }
  if (source instanceof ReadableStream || Symbol.asyncIterator in Object(source)) return readStream(source);
  throw invalid('source must be a Blob, bytes, a stream, a Response or a URL; for a path use uploadFile');
}

async function readStream(stream: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>) {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  // Not every browser can iterate over a stream.
  const iterable = stream instanceof ReadableStream ? iterate(stream) : stream;
  for await (const part of iterable) {
    if (!(part instanceof Uint8Array)) throw invalid('source must be a stream of bytes (Uint8Array)');
    length += part.length;
    checkLength(length);
    parts.push(new Uint8Array(part));
  }
  return checkSize(new Uint8Array(await new Blob(parts).arrayBuffer()));
}

async function* iterate(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
  } finally {
    await reader.cancel();
  }
}

function checkLength(length: number): void {
  if (length > MAX_UPLOAD_BYTES) throw invalid(`source is larger than ${MAX_UPLOAD_BYTES / 1024 / 1024} MiB`);
}

function checkSize<Bytes extends Uint8Array>(bytes: Bytes): Bytes {
  checkLength(bytes.length);
  return bytes;
}

/**
 * The media type by the file's first bytes: names and declared types are often wrong.
 * @throws InvalidInputError for anything but PNG, JPEG and WebP.
 */
export function detectType(bytes: Uint8Array): UploadType {
  const start = String.fromCharCode(...bytes.subarray(0, 12));
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png';
  if (start.startsWith('\xff\xd8\xff')) return 'image/jpeg';
  if (/^RIFF[\s\S]{4}WEBP$/.test(start)) return 'image/webp';
  throw invalid('source is no PNG, JPEG or WebP file');
}
