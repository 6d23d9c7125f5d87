import type { GenerateInput } from '@safelight/sdk/contract';
import { readGenerateInput, readPictureText } from '@safelight/sdk/metadata';
import type { Command } from 'commander';
import { readFileOrRefuse } from './sent-pictures.ts';
import { describeWatermark, type Found, findWatermark } from './watermark.ts';

export function addPngInfoCommand(program: Command): void {
  program
    .command('png-info')
    .description('say how a picture was made, as far as its file tells')
    .argument('<file>', 'PNG, JPEG or WebP; also of AUTOMATIC1111 and its kin')
    .option('--json', 'print it as JSON: "input" is what "generate" takes')
    .action(async (file: string, flags: { json?: boolean }) => {
      const info = await readInfo(await readFileOrRefuse(file));
      process.stdout.write(flags.json ? `${JSON.stringify(info)}\n` : describe(info));
    });
}

interface PngInfo extends Found {
  /** AUTOMATIC1111's text; null where there is none. */
  parameters: string | null;
  /** The same as input of `generate`; null for a text that is something else. */
  input: GenerateInput | null;
  /** IPTC's digital source type, from XMP: `trainedAlgorithmicMedia` for what a machine drew. */
  source: string | null;
}

async function readInfo(file: Uint8Array<ArrayBuffer>): Promise<PngInfo> {
  // First, as it refuses what is no picture.
  const watermark = await findWatermark(file);
  const blob = new Blob([file]);
  const [parameters = null, input = null, source = null] = await Promise.all([
    readPictureText(blob),
    readGenerateInput(blob),
    readSource(file),
  ]);
  return { parameters, input, source, ...watermark };
}

async function readSource(file: Uint8Array): Promise<string | undefined> {
  const { default: sharp } = await import('sharp');
  const { xmp } = await sharp(file).metadata();
  return /DigitalSourceType(?:\s*=\s*["']|>)[^<"']*\/(\w+)/.exec(xmp?.toString() ?? '')?.[1];
}

function describe({ parameters, source, ...watermark }: PngInfo): string {
  const lines = [
    parameters ?? 'It carries no settings.',
    '',
    `Source: ${source ?? 'not said'}`,
    `Watermark: ${describeWatermark(watermark)}`,
  ];
  return `${lines.join('\n')}\n`;
}
