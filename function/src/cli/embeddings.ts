import type { Command } from 'commander';
import type { EmbeddingEntry } from '../pipeline/prompt/embeddings.ts';
import type { CliConfig } from './config.ts';

export function addEmbeddingsCommand(program: Command, config: CliConfig): void {
  program
    .command('embeddings')
    .description('list the textual inversion embeddings that prompts can name on this machine')
    .option('--embeddings <folder>', 'where they lie (default: SAFELIGHT_EMBEDDINGS)')
    .option('--json', 'print them as JSON')
    .action(async (flags: { embeddings?: string; json?: boolean }) => {
      const [{ createEmbeddingFolder }, { createAddOnFolder }] = await Promise.all([
        import('../add-ons/embedding-folder.ts'),
        import('../add-ons/add-on-folder.ts'),
      ]);
      const folder = flags.embeddings ?? config.embeddingsDir;
      const entries = (await createEmbeddingFolder(createAddOnFolder(folder)).read()).map(toListed);
      if (flags.json) process.stdout.write(`${JSON.stringify(entries)}\n`);
      else process.stdout.write(entries.length === 0 ? `No embeddings in ${folder}\n` : entries.map(describe).join(''));
    });
}

/** What is worth saying of an embedding: not the numbers. */
function toListed(entry: EmbeddingEntry) {
  if ('problem' in entry) return entry;
  const { name, sha256, vectors } = entry;
  return { name, sha256, vectors: vectors.length, width: vectors[0]?.length ?? 0 };
}

function describe(entry: ReturnType<typeof toListed>): string {
  if ('problem' in entry) return `${entry.name}: cannot be used, ${entry.problem}\n`;
  const { name, vectors, width } = entry;
  return `${name}: ${vectors} ${vectors === 1 ? 'vector' : 'vectors'} of ${width}\n`;
}
