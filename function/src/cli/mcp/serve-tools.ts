import { type CallToolResult, McpServer, type ServerContext } from '@modelcontextprotocol/server';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { packageVersion } from '../../package-version.ts';
import type { Drawer } from '../draw.ts';
import { describeError } from '../report-error.ts';
import { generateImage, generateImageInput } from './generate-image.ts';
import type { OutputFolder } from './output-folder.ts';
import { readImageSettings, readImageSettingsInput } from './read-image-settings.ts';
import { toToolInput } from './tool-input.ts';

export interface ToolOptions {
  drawer: Drawer;
  /** Where pictures are kept; absent, they are only handed out. */
  output: OutputFolder | undefined;
}

/** A transport that says when the client is gone. */
class WatchedTransport extends StdioServerTransport {
  readonly closed: Promise<void>;
  #onClosed: () => void = () => {};

  constructor() {
    super();
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
  }

  override async close(): Promise<void> {
    await super.close();
    this.#onClosed();
  }
}

/** Serves the tools on standard input and output until the client leaves or the signal aborts. */
export async function serveTools({ signal, ...options }: ToolOptions & { signal: AbortSignal }): Promise<void> {
  const transport = new WatchedTransport();
  const handle = serveStdio(() => createMcpServer(options), {
    transport,
    onerror: (error) => console.error(`safelight: ${error.message}`),
  });
  const stop = () => void handle.close();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  await transport.closed;
  signal.removeEventListener('abort', stop);
}

function createMcpServer({ drawer, output }: ToolOptions): McpServer {
  const server = new McpServer({ name: 'safelight', title: 'Safelight', version: packageVersion() });
  server.registerTool(
    'generate_image',
    {
      title: 'Generate pictures',
      description: 'Draws pictures with Stable Diffusion from a description. The same seed and settings draw the same.',
      inputSchema: toToolInput(generateImageInput),
      annotations: { readOnlyHint: output === undefined, destructiveHint: false },
    },
    (input, context) => answer(context, () => generateImage(input, { drawer, output, context })),
  );
  server.registerTool(
    'list_models',
    {
      title: 'List models',
      description: 'The models that generate_image can draw with: sizes, defaults, licence, and what they draw.',
      annotations: { readOnlyHint: true },
    },
    (context) =>
      answer(context, async () => ({ content: [{ type: 'text', text: JSON.stringify(await drawer.models()) }] })),
  );
  server.registerTool(
    'read_image_settings',
    {
      title: 'Read the settings of a picture',
      description:
        'What a PNG, JPEG or WebP of Safelight or AUTOMATIC1111 says of how it was made: prompt, seed, sampler.',
      inputSchema: toToolInput(readImageSettingsInput),
      annotations: { readOnlyHint: true },
    },
    (input, context) => answer(context, () => readImageSettings(input, output)),
  );
  return server;
}

/** What went wrong is told as a tool's error, which assistants read and can act upon. */
async function answer({ mcpReq }: ServerContext, work: () => Promise<CallToolResult>): Promise<CallToolResult> {
  try {
    return await work();
  } catch (error) {
    const isCanceled = mcpReq.signal.aborted;
    const { code, message, field } = isCanceled ? { code: 'canceled', message: 'Canceled.' } : describeError(error);
    if (!isCanceled) console.error(`safelight: ${message}`);
    if (process.env.SAFELIGHT_DEBUG !== undefined) console.error(error);
    return { isError: true, content: [{ type: 'text', text: JSON.stringify({ error: { code, message, field } }) }] };
  }
}
