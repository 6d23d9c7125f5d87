/** What a Lambda function gets from an HTTP API or a Function URL: payload format 2.0, the parts that are used. */
export interface HttpEvent {
  rawPath: string;
  rawQueryString: string;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | undefined>>;
  body?: string;
  isBase64Encoded?: boolean;
  requestContext: {
    requestId: string;
    http: { method: string };
    /** What the authorizer said of the caller. */
    authorizer?: { lambda?: Readonly<Record<string, unknown>> | null };
  };
}

export interface HttpResult {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
}

const bodyOf = ({ body, isBase64Encoded }: HttpEvent): Buffer =>
  Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8');

/** Length of the body in bytes. */
export const bodyBytes = (event: HttpEvent): number => bodyOf(event).length;

/** @param signal aborts when the caller went away or the function's time is over. */
export const toRequest = (event: HttpEvent, signal: AbortSignal): Request => {
  const { method } = event.requestContext.http;
  const query = event.rawQueryString === '' ? '' : `?${event.rawQueryString}`;
  const headers = new Headers();
  for (const [name, value] of Object.entries(event.headers)) if (value !== undefined) headers.set(name, value);
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const body = hasBody ? { body: new Uint8Array(bodyOf(event)) } : {};
  return new Request(`https://lambda.invalid${event.rawPath}${query}`, { method, headers, signal, ...body });
};
