import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readEvents } from '../../sdk/src/transport/event-stream.ts';

async function read(...parts: (string | Uint8Array)[]): Promise<string[]> {
  const bytes = parts.map((part) => (typeof part === 'string' ? new TextEncoder().encode(part) : part));
  const events: string[] = [];
  for await (const { name, data } of readEvents(async () => bytes.shift())) events.push(`${name}=${data}`);
  return events;
}

describe('server-sent events', () => {
  it('have a name and data, in any order, and end with an empty line', async () => {
    assert.deepEqual(await read('data: 1\n\nevent: ping\ndata: \n\n\n\ndata:2\nevent: x\n\n'), [
      'message=1',
      'ping=',
      'x=2',
    ]);
  });

  it('may be cut anywhere, inside a character too', async () => {
    const bytes = new TextEncoder().encode('event: näme\r\ndata: {"a":"🦊"}\r\n\r\n');
    const expected = ['näme={"a":"🦊"}'];
    for (let at = 0; at <= bytes.length; at++) {
      assert.deepEqual(await read(bytes.slice(0, at), bytes.slice(at)), expected);
    }
    assert.deepEqual(await read(...Array.from(bytes, (byte) => Uint8Array.of(byte))), expected);
  });

  it('may have data of several lines, comments and fields that mean nothing here', async () => {
    assert.deepEqual(await read(': hello\nid: 7\nretry: 5\ndata: a\ndata:  b\ndata\n\n'), ['message=a\n b']);
  });

  it('are dropped when their end does not arrive', async () => {
    assert.deepEqual(await read('data: 1\n\ndata: 2\n'), ['message=1']);
    assert.deepEqual(await read(), []);
  });
});
