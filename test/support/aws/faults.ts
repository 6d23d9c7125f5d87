/** Makes requests of a real AWS SDK client go wrong, as the service would: below the client's retries. */

interface Middlewares {
  add(middleware: unknown, options: { step: 'deserialize'; name: string; priority: 'low' }): void;
}

export interface AwsRequest {
  /** Such as `UpdateItemCommand`. */
  command: string;
  input: Record<string, unknown>;
}

/** `before`: the service never saw it. `after`: it did it, and the answer was lost. */
export interface AwsFault {
  error: Error;
  when: 'before' | 'after';
}

/** As a service throws it. */
export function serviceError(name: string, httpStatusCode: number): Error {
  return Object.assign(new Error(`${name} for the test`), { name, $fault: 'client', $metadata: { httpStatusCode } });
}

/** Asks `faultFor` about each request, each retry included. */
export function injectFaults(
  client: { middlewareStack: unknown },
  faultFor: (request: AwsRequest) => AwsFault | undefined | Promise<AwsFault | undefined>,
): void {
  type Handler = (args: { input: Record<string, unknown> }) => Promise<unknown>;
  const middleware = (next: Handler, context: { commandName?: string }) => async (args: Parameters<Handler>[0]) => {
    const fault = await faultFor({ command: context.commandName ?? '', input: args.input });
    if (fault?.when === 'before') throw fault.error;
    const answer = await next(args);
    if (fault !== undefined) throw fault.error;
    return answer;
  };
  const stack = client.middlewareStack as Middlewares;
  stack.add(middleware, { step: 'deserialize', name: 'test-faults', priority: 'low' });
}
