/** SHA-256 in lower-case hex; `undefined` where the runtime has no WebCrypto, as in pages served without https. */
export async function sha256(data: ArrayBuffer | Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle;
  if (subtle === undefined) return undefined;
  const digest = new Uint8Array(await subtle.digest('SHA-256', data));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
