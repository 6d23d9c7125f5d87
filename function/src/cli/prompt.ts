import { createSafelight } from '@safelight/sdk';
import { type ParsedReadPromptInput, type PromptReading, readPromptInputSchema } from '@safelight/sdk/contract';
import type { Command } from 'commander';
import { VECTOR_ID } from '../pipeline/prompt/chunks.ts';
import type { CliConfig } from './config.ts';
import { parseInput, parseNumber } from './generate-input.ts';

interface PromptFlags {
  syntax?: string;
  steps?: string;
  sampler?: string;
  embeddings?: string;
  endpoint?: string;
  json?: boolean;
}

export function addPromptCommand(program: Command, config: CliConfig): void {
  program
    .command('prompt')
    .description('say how a prompt is read: tokens, weights, what holds when')
    .argument('<prompt...>')
    .option('--syntax <name>', 'a1111 or plain')
    .option('--steps <number>', 'of the run that parts of the prompt switch in')
    .option('--sampler <name>', 'of that run')
    .option('--embeddings <folder>', 'textual inversion embeddings (default: SAFELIGHT_EMBEDDINGS)')
    .option('--endpoint <url>', 'ask a Safelight server rather than this machine')
    .option('--json', 'print it as JSON')
    .action(async (words: string[], { syntax, steps, sampler, ...flags }: PromptFlags) => {
      const typed = { prompt: words.join(' '), promptSyntax: syntax, steps: parseNumber(steps), sampler };
      const input = parseInput(readPromptInputSchema, typed);
      const endpoint = flags.endpoint ?? config.endpoint;
      const reading =
        endpoint === undefined
          ? await readHere(input, flags.embeddings ?? config.embeddingsDir)
          : await createSafelight({ endpoint, apiKey: config.apiKey }).prompts.read(input);
      process.stdout.write(flags.json ? `${JSON.stringify(reading)}\n` : describeReading(reading));
    });
}

/** What of it needs no server is imported only here: a server's answer needs none of it. */
async function readHere(input: ParsedReadPromptInput, embeddingsDir: string): Promise<PromptReading> {
  const [{ describePrompt }, { createEmbeddingFolder }, { createAddOnFolder }] = await Promise.all([
    import('../describe-prompt.ts'),
    import('../add-ons/embedding-folder.ts'),
    import('../add-ons/add-on-folder.ts'),
  ]);
  return describePrompt(input, await createEmbeddingFolder(createAddOnFolder(embeddingsDir)).read());
}

function describeReading({ parts, texts, warnings }: PromptReading): string {
  const lines: string[] = [];
  for (const { weight, schedule } of parts) {
    if (parts.length > 1) lines.push(`Towards, weight ${weight}:`);
    for (const { until, text } of schedule) {
      if (schedule.length > 1) lines.push(`Until prediction ${until}:`);
      const read = texts[text];
      if (read !== undefined) lines.push(...describeText(read));
    }
  }
  lines.push(...warnings.map(({ message }) => `Note: ${message}`));
  return `${lines.join('\n')}\n`;
}

function describeText({ tokenCount, chunks }: PromptReading['texts'][number]): string[] {
  const described = chunks.map((chunk, i) => {
    return `  ${chunks.length > 1 ? `chunk ${i + 1}: ` : ''}${describeTokens(chunk).join(' ')}`;
  });
  return [`${tokenCount} ${tokenCount === 1 ? 'token' : 'tokens'} of ${75 * chunks.length}`, ...described];
}

/** Words as the tokenizer has them; the vectors of an embedding as its name and their number. */
function describeTokens(chunk: PromptReading['texts'][number]['chunks'][number]): string[] {
  const said: { text: string; weight: number; vectors: number }[] = [];
  for (const { id, text, weight } of chunk) {
    const last = said.at(-1);
    const vectors = id === VECTOR_ID ? 1 : 0;
    if (last?.vectors && vectors && last.text === text && last.weight === weight) last.vectors += 1;
    else said.push({ text, weight, vectors });
  }
  return said.map(({ text, weight, vectors }) => {
    const counted = vectors === 0 ? '' : ` (${vectors} ${vectors === 1 ? 'vector' : 'vectors'})`;
    return `${text}${weight === 1 ? '' : `×${Number(weight.toFixed(3))}`}${counted}`;
  });
}
