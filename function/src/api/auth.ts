import { createHash, timingSafeEqual } from 'node:crypto';
import { FunctionError } from '../errors.ts';
import { bearerKeyOf, ownerOfHash } from './keys/api-key.ts';

/** Whose jobs a server without API keys keeps. */
const LOCAL_OWNER = 'local';

/** Tells who calls. @throws FunctionError `unauthorized` */
export type Authenticate = (authorization: string | undefined) => string;

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

const unauthorized = (message: string) => new FunctionError('unauthorized', message);

/**
 * Bearer keys. Only their hashes are kept, and all are compared in full, so that the time of an answer tells nothing.
 * The owner is derived from the key's hash: each key sees its own jobs.
 * @param apiKeys none: everyone who can reach the server is its owner.
 * @throws FunctionError `invalid_input` for a key that is too easy to guess.
 */
export const createAuthenticate = (apiKeys: readonly string[]): Authenticate => {
  if (apiKeys.some((key) => !/^[\x21-\x7e]{16,}$/.test(key)))
    throw new FunctionError(
      'invalid_input',
      'An API key needs at least 16 characters and no spaces: make one with `openssl rand -hex 32`',
    );
  if (apiKeys.length === 0) return () => LOCAL_OWNER;
  const hashes = apiKeys.map(sha256);
  return (authorization) => {
    const key = bearerKeyOf(authorization);
    if (key === undefined) throw unauthorized('This server needs an API key: send it as `authorization: Bearer <key>`');
    const given = sha256(key);
    const matches = hashes.filter((hash) => timingSafeEqual(hash, given));
    if (matches.length === 0) throw unauthorized('The API key is not valid for this server');
    return ownerOfHash(given.toString('hex'));
  };
};

/** Whether a host name or address means this machine. */
export const isLoopbackHost = (host: string): boolean => {
  const name = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
};

/** The name in a Host header, without the port; `undefined` when it is not one. */
export const hostNameOf = (header: string): string | undefined =>
  /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.exec(header)?.[1];

/**
 * @throws FunctionError `invalid_input` for a server that others could reach and nobody would have to sign in to.
 */
export const refuseOpenServer = (host: string, apiKeys: readonly string[]): void => {
  if (apiKeys.length === 0 && !isLoopbackHost(host))
    throw new FunctionError(
      'invalid_input',
      `Listening on ${host} would let everyone on the network use this server: set SAFELIGHT_API_KEY to a key that callers must send, or listen on 127.0.0.1`,
      { field: 'host' },
    );
};
