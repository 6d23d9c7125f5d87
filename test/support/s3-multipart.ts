/** Multipart uploads of the S3 of the tests: create, upload part, list, complete, abort. */
import {
  CRC32_HEADER,
  checkedChecksums,
  crc32Bytes,
  etagOf,
  metadataOf,
  objectOf,
  S3Failure,
  type StoredObject,
  xml,
} from './s3-object.ts';
import type { S3Request } from './s3-server.ts';

interface UploadedPart {
  body: Buffer;
  etag: string;
  checksums: Record<string, string>;
}

export interface MultipartUpload {
  /** `bucket/key`. */
  path: string;
  metadata: Record<string, string>;
  parts: Map<number, UploadedPart>;
}

interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
}

interface MultipartParams {
  request: S3Request;
  body: Buffer;
  uploads: Map<string, MultipartUpload>;
  store: (request: S3Request, object: StoredObject) => void;
  minPartBytes: number;
}

/** Answers a request about multipart uploads; undefined where it is about something else. */
export function answerMultipart(params: MultipartParams): Answer | undefined {
  const { request, uploads } = params;
  if (request.query.has('uploads')) return request.method === 'POST' ? create(params) : listUploads(params);
  const uploadId = request.query.get('uploadId');
  if (uploadId === null) return undefined;
  const upload = uploads.get(uploadId);
  if (upload === undefined) throw new S3Failure(404, 'NoSuchUpload');
  switch (request.method) {
    case 'PUT':
      return uploadPart(params, upload);
    case 'GET':
      return listParts(params, upload);
    case 'DELETE':
      uploads.delete(uploadId);
      return { status: 204 };
    default:
      complete(params, upload);
      uploads.delete(uploadId);
      return { body: xml('CompleteMultipartUploadResult', `<Key>${request.key}</Key>`) };
  }
}

function create({ request, uploads }: MultipartParams): Answer {
  const uploadId = `upload-${Math.random().toString(36).slice(2)}`;
  const path = `${request.bucket}/${request.key}`;
  uploads.set(uploadId, { path, metadata: metadataOf(request.headers), parts: new Map() });
  return { body: xml('InitiateMultipartUploadResult', `<UploadId>${uploadId}</UploadId>`) };
}

function listUploads({ request, uploads }: MultipartParams): Answer {
  const prefix = `${request.bucket}/${request.query.get('prefix') ?? ''}`;
  const listed = [...uploads]
    .filter(([, { path }]) => path.startsWith(prefix))
    .map(([id, { path }]) => {
      return `<Upload><Key>${path.slice(request.bucket.length + 1)}</Key><UploadId>${id}</UploadId></Upload>`;
    });
  return { body: xml('ListMultipartUploadsResult', listed.join('')) };
}

function uploadPart({ request, body }: MultipartParams, upload: MultipartUpload): Answer {
  const checksums = checkedChecksums(request.headers, body);
  const part = { body, etag: etagOf(body), checksums };
  upload.parts.set(Number(request.query.get('partNumber')), part);
  return { headers: { etag: part.etag, ...checksums } };
}

function sortedParts({ parts }: MultipartUpload): [number, UploadedPart][] {
  return [...parts].sort(([a], [b]) => a - b);
}

function listParts({ request }: MultipartParams, upload: MultipartUpload): Answer {
  const after = Number(request.query.get('part-number-marker') ?? 0);
  const rest = sortedParts(upload).filter(([number]) => number > after);
  const page = rest.slice(0, Number(request.query.get('max-parts') ?? 1000));
  const listed = page.map(([number, { body, etag, checksums }]) => {
    const crc32 = checksums[CRC32_HEADER];
    const checksum = crc32 === undefined ? '' : `<ChecksumCRC32>${crc32}</ChecksumCRC32>`;
    return `<Part><PartNumber>${number}</PartNumber><Size>${body.length}</Size><ETag>${etag}</ETag>${checksum}</Part>`;
  });
  const next = `<NextPartNumberMarker>${page.at(-1)?.[0] ?? after}</NextPartNumberMarker>`;
  const isTruncated = `<IsTruncated>${rest.length > page.length}</IsTruncated>`;
  return { body: xml('ListPartsResult', listed.join('') + next + isTruncated) };
}

function complete({ request, body, store, minPartBytes }: MultipartParams, upload: MultipartUpload): void {
  const parts = sortedParts(upload);
  const wanted = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map(([, number]) => Number(number));
  if (wanted.join() !== parts.map(([number]) => number).join()) throw new S3Failure(400, 'InvalidPart');
  const isTooSmall = parts.slice(0, -1).some(([, part]) => part.body.length < minPartBytes);
  if (isTooSmall) throw new S3Failure(400, 'EntityTooSmall');
  const checksums = Buffer.concat(parts.map(([, part]) => crc32Bytes(part.body)));
  const composite = `${crc32Bytes(checksums).toString('base64')}-${parts.length}`;
  const whole = Buffer.concat(parts.map(([, part]) => part.body));
  store(request, objectOf(whole, upload.metadata, { [CRC32_HEADER]: composite }));
}
