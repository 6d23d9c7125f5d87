/** How far to follow causes: fetch nests two or three deep. */
const MAX_DEPTH = 5;

/**
 * A cause that may be kept: the error itself, unless its text, or that of an error under it, quotes a URL's query
 * or a key, as some fetch implementations do. Then a bare error with the same name and code stands in for it.
 */
export function withoutSecrets(cause: unknown): Error | undefined {
  if (!(cause instanceof Error)) return undefined;
  const chain = causesOf(cause);
  if (!chain.some((error) => /\?|bearer/i.test(error.message))) return cause;
  const code = chain.map((error) => (error as { code?: unknown }).code).find((value) => typeof value === 'string');
  return Object.assign(new Error(`${cause.name}${code === undefined ? '' : ` (${code})`}, message withheld`), { code });
}

function causesOf(error: Error): Error[] {
  const chain = [error];
  for (let next = error.cause; next instanceof Error && chain.length < MAX_DEPTH; next = next.cause) chain.push(next);
  return chain;
}
