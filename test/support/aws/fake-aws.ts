import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface AwsCall {
  /** The action's name, such as `ListTasks`. */
  action: string;
  /** What was asked: of JSON services the body, of query services the form's fields. */
  // biome-ignore lint/suspicious/noExplicitAny: each action has its own
  input: any;
  isJson: boolean;
}

/** JSON for services that speak it, text for those that speak XML, or an error by its name. */
export type AwsAnswer = object | string | { error: string; message: string };

/** Every AWS service at one address, answered by the test. The SDK's clients find it by the environment. */
export async function startFakeAws(answer: (call: AwsCall) => AwsAnswer) {
  const calls: AwsCall[] = [];
  const server = createServer(async (request, response) => {
    const call = readCall(String(request.headers['x-amz-target'] ?? ''), await text(request));
    calls.push(call);
    const result = answer(call);
    const type = call.isJson ? 'application/x-amz-json-1.1' : 'text/xml';
    response.writeHead(isError(result) ? 400 : 200, { 'content-type': type });
    response.end(encode(result, call.isJson));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const settings = {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ AWS_ACCESS_KEY_ID: 'AKIATESTTESTTESTTEST', AWS_SECRET_ACCESS_KEY: 'test', AWS_MAX_ATTEMPTS: '1' },
  };
  const before = { ...process.env };
  Object.assign(process.env, settings);
  return {
    calls,
    async [Symbol.asyncDispose]() {
      for (const name of Object.keys(settings)) delete process.env[name];
      Object.assign(process.env, before);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function readCall(target: string, body: string): AwsCall {
  if (target !== '') return { action: target.slice(target.indexOf('.') + 1), input: JSON.parse(body), isJson: true };
  const form = Object.fromEntries(new URLSearchParams(body));
  return { action: form.Action ?? '', input: form, isJson: false };
}

const isError = (answer: AwsAnswer): answer is { error: string; message: string } =>
  typeof answer === 'object' && 'error' in answer;

function encode(answer: AwsAnswer, isJson: boolean): string {
  if (typeof answer === 'string') return answer;
  if (!isError(answer)) return JSON.stringify(answer);
  const { error, message } = answer;
  if (isJson) return JSON.stringify({ __type: error, message });
  return `<ErrorResponse><Error><Code>${error}</Code><Message>${message}</Message></Error></ErrorResponse>`;
}
