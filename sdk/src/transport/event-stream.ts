/** One event of a stream: its name, `message` unless the server gives another, and its data. */
export interface ServerEvent {
  name: string;
  data: string;
}

/** Gives the next part of a body, `undefined` at its end. */
type ReadPart = () => Promise<Uint8Array | undefined>;

/**
 * Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): names and data, as this API
 * has neither ids nor retry times. An event whose end did not arrive is dropped, as the specification says.
 */
export async function* readEvents(read: ReadPart): AsyncGenerator<ServerEvent, void> {
  let name = 'message';
  let data: string[] = [];
  for await (const line of readLines(read)) {
    const [, field, value = ''] = /^(event|data): ?(.*)$/.exec(line) ?? [];
    if (field === 'event') name = value;
    if (field === 'data') data.push(value);
    if (line !== '') continue;
    if (data.length > 0) yield { name, data: data.join('\n') };
    name = 'message';
    data = [];
  }
}

/** Whole lines: what follows the last line end is dropped. */
async function* readLines(read: ReadPart): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let unread = '';
  for (let part = await read(); part !== undefined; part = await read()) {
    const lines = (unread + decoder.decode(part, { stream: true })).split('\n');
    unread = lines.pop() ?? '';
    for (const line of lines) yield line.replace(/\r$/, '');
  }
}
