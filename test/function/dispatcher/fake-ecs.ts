import { ECSClient } from '@aws-sdk/client-ecs';

export interface EcsCall {
  operation: string;
  input: Record<string, unknown>;
}

/** An ECS client whose requests are answered here, on the wire's side of the SDK. */
export function fakeEcs(answer: (call: EcsCall) => object): { client: ECSClient; calls: EcsCall[] } {
  const calls: EcsCall[] = [];
  const client = new ECSClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: {
      async handle(request: { headers: Record<string, string>; body: Uint8Array }) {
        const target = request.headers['x-amz-target'] ?? '';
        const call = {
          operation: target.slice(target.indexOf('.') + 1),
          input: JSON.parse(Buffer.from(request.body).toString()),
        };
        calls.push(call);
        const body = JSON.stringify(answer(call));
        const headers = { 'content-type': 'application/x-amz-json-1.1' };
        return { response: { statusCode: 200, headers, body: Buffer.from(body) } };
      },
    },
  });
  return { client, calls };
}
