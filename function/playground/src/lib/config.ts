/**
 * Where the API is: what `config.json` beside the page says, or the page's own server. A site of static files names
 * another endpoint there.
 */
export async function readEndpoint(): Promise<string> {
  const here = new URL('.', document.baseURI).href;
  try {
    const response = await fetch(new URL('config.json', here));
    const config: unknown = await response.json();
    const endpoint = (config as { endpoint?: unknown } | null)?.endpoint;
    return typeof endpoint === 'string' && URL.canParse(endpoint) ? endpoint : here;
  } catch {
    return here;
  }
}
