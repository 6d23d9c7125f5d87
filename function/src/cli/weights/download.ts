import type { Command } from 'commander';
import { FunctionError } from '../../errors.ts';
import { downloadFromHub } from '../../transfer/download-from-hub.ts';
import {
  type PublishedCheckpoint,
  publishedCheckpointNames,
  publishedCheckpoints,
} from '../../transfer/published-checkpoints.ts';
import type { CliConfig } from '../config.ts';
import { interruptSignal } from '../interrupt.ts';
import { createTransferBar } from './transfer-bar.ts';

interface DownloadFlags {
  file?: string;
  revision?: string;
  output: string;
}

export function addDownloadCommand(weights: Command, config: CliConfig): void {
  weights
    .command('download')
    .description('download a checkpoint from the Hugging Face hub; an interrupted one goes on where it was')
    .argument('<checkpoint>', `${publishedCheckpointNames.join(', ')}, or a repository such as owner/name`)
    .option('--file <path>', 'file in the repository; needed for a repository')
    .option('--revision <name>', 'branch, tag or commit of the repository')
    .option('-o, --output <folder>', 'where to put it', '.')
    .action((checkpoint: string, flags: DownloadFlags) => downloadCommand(checkpoint, flags, config));
}

async function downloadCommand(checkpoint: string, flags: DownloadFlags, { hubToken }: CliConfig): Promise<void> {
  const { repository, file, expectedSha256 } = findCheckpoint(checkpoint, flags.file);
  const bar = createTransferBar('downloading');
  try {
    const { path } = await downloadFromHub({
      repository,
      file,
      expectedSha256,
      revision: flags.revision,
      folder: flags.output,
      token: hubToken,
      onProgress: ({ transferredBytes, totalBytes }) => bar.update(transferredBytes, totalBytes),
      signal: interruptSignal(),
    });
    bar.stop();
    process.stdout.write(`${path}\n`);
  } finally {
    bar.stop();
  }
}

function findCheckpoint(name: string, file: string | undefined) {
  const published: PublishedCheckpoint | undefined = Object.hasOwn(publishedCheckpoints, name)
    ? publishedCheckpoints[name as keyof typeof publishedCheckpoints]
    : undefined;
  if (published !== undefined) {
    return { repository: published.repository, file: published.file, expectedSha256: published.sha256 };
  }
  if (!/^[\w.-]+\/[\w.-]+$/.test(name)) {
    const known = publishedCheckpointNames.join(', ');
    throw new FunctionError('invalid_input', `Say one of ${known}, or a repository such as owner/name`, {
      field: 'checkpoint',
    });
  }
  if (file === undefined) {
    throw new FunctionError('invalid_input', 'Say with --file which file of the repository to download', {
      field: 'file',
    });
  }
  return { repository: name, file, expectedSha256: undefined };
}
