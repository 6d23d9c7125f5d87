import type { Command } from 'commander';
import { type CliConfig, parseDevice } from '../config.ts';
import { createDrawer } from '../draw.ts';
import { interruptSignal } from '../interrupt.ts';

interface McpFlags {
  output?: string;
  device?: string;
  endpoint?: string;
}

export function addMcpCommand(program: Command, config: CliConfig): void {
  program
    .command('mcp')
    .description('serve the Model Context Protocol on standard input and output, so that assistants can draw')
    .option('-o, --output <folder>', 'keep the pictures there, too')
    .option('--device <name>', 'what to draw with: cpu or cuda (default: SAFELIGHT_DEVICE or cpu)')
    .option('--endpoint <url>', 'draw on a Safelight server rather than on this machine')
    .action((flags: McpFlags) => mcpCommand(flags, config));
}

async function mcpCommand(flags: McpFlags, config: CliConfig): Promise<void> {
  const { createOutputFolder } = await import('./output-folder.ts');
  const output = flags.output === undefined ? undefined : await createOutputFolder(flags.output);
  const device = flags.device === undefined ? config.device : parseDevice(flags.device, 'device');
  const drawer = createDrawer(flags.endpoint ?? config.endpoint, { ...config, device });
  const signal = interruptSignal();
  // Standard output belongs to the protocol: a library's chatter must not get between its messages.
  console.log = console.error;
  console.info = console.error;
  const { serveTools } = await import('./serve-tools.ts');
  await serveTools({ drawer, output, signal });
  await drawer.close();
}
