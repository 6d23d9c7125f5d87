/**
 * A key that no other call has: 128 random bits in hex. Not `crypto.randomUUID`, which browsers withhold from pages
 * that are not served over https, a server on the local network among them.
 */
export function createIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
