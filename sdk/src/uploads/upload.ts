import type { Connection } from '../connection.ts';
import type { UploadTicket, UploadType } from '../contract/index.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { SafelightError } from '../errors/safelight-error.ts';
import { sha256 } from '../images/sha256.ts';
import { procedures } from '../procedures.ts';
import { raceAbort } from '../timing/race-abort.ts';
import type { Scope } from '../timing/scope.ts';
import { withRetries } from '../transport/retry.ts';
import { transfer } from '../transport/transfer.ts';
import { detectType, readSource, type UploadSource } from './upload-source.ts';

/** A picture that the server has. */
export interface Upload {
  /** Names it in later calls. The same picture sent again has the same key. */
  key: string;
  contentType: UploadType;
  bytes: number;
  sha256: string;
}

/** Sends a picture. Everything about it may be repeated: the server keeps one of each. */
export async function upload(connection: Connection, source: UploadSource, scope: Scope): Promise<Upload> {
  const { clock, options } = connection;
  const retry = <T>(attempt: () => Promise<T>) =>
    withRetries(attempt, { clock, scope, maxRetries: options.maxRetries });

  const data =
    source instanceof URL
      ? await retry(() => fetchSource(connection, source, scope.signal))
      : await raceAbort(readSource(source), scope.signal);
  const described = { contentType: detectType(data), bytes: data.length, sha256: await hashOf(data) };

  const createTicket = () => connection.request(procedures.createUpload(described), scope);
  let ticket = await createTicket();
  await retry(async () => {
    try {
      await send(connection, ticket, data, scope.signal);
    } catch (error) {
      // It may have expired during an earlier attempt.
      if (!SafelightError.isInstance(error) || error.status !== 403) throw error;
      ticket = await createTicket();
      await send(connection, ticket, data, scope.signal);
    }
  });
  return { key: ticket.key, ...described };
}

const fetchSource = (connection: Connection, url: URL, signal: AbortSignal) =>
  transfer(connection, { name: 'The download of source', url }, signal, readSource);

const send = (
  connection: Connection,
  { url, method, headers }: UploadTicket,
  body: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
) => transfer(connection, { name: 'The upload', url, init: { method, headers, body } }, signal, async () => undefined);

async function hashOf(data: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = await sha256(data);
  if (hash !== undefined) return hash;
  const message = 'This page cannot hash files, as it is not served over https: upload needs that';
  throw new InvalidInputError(message, { code: 'invalid_input' });
}
