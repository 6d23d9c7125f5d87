import { join } from 'node:path';
import type { Command } from 'commander';
import { FunctionError } from '../../errors.ts';
import type { CliConfig } from '../config.ts';
import { interruptSignal } from '../interrupt.ts';
import { createS3Client } from './create-s3-client.ts';
import { createTransferBar } from './transfer-bar.ts';

interface PullFlags {
  name?: string;
  output?: string;
}

export function addPullCommand(weights: Command, config: CliConfig): void {
  weights
    .command('pull')
    .description('bring a model from S3; an interrupted pull goes on where it was')
    .argument('<place>', 's3://bucket/prefix')
    .option('--name <name>', 'name of the model (default: the last part of the prefix)')
    .option('-o, --output <folder>', "the bundle's folder (default: SAFELIGHT_MODELS_DIR/<name>)")
    .action((place: string, flags: PullFlags) => pullCommand(place, flags, config));
}

async function pullCommand(place: string, flags: PullFlags, { modelsDir }: CliConfig): Promise<void> {
  const [{ pullBundle }, { parseS3Uri }] = await Promise.all([
    import('../../transfer/pull-bundle.ts'),
    import('../../transfer/s3-location.ts'),
  ]);
  const location = parseS3Uri(place);
  const name = flags.name ?? location.prefix.split('/').at(-1);
  if (flags.output === undefined && !name) {
    throw new FunctionError('invalid_input', 'Say with --name what to call the model', { field: 'name' });
  }
  const bar = createTransferBar('fetching');
  try {
    const { folder, fetchedBytes, manifest } = await pullBundle({
      ...location,
      client: await createS3Client(),
      folder: flags.output ?? join(modelsDir, String(name)),
      onProgress: ({ transferredBytes, totalBytes }) => bar.update(transferredBytes, totalBytes),
      signal: interruptSignal(),
    });
    bar.stop();
    process.stdout.write(`${folder}\nAsk for it with --model ${manifest.model.name}\n`);
    process.stderr.write(
      `${(fetchedBytes / 1e6).toFixed(0)} MB fetched. The model comes under ${manifest.model.license.name}.\n`,
    );
  } finally {
    bar.stop();
  }
}
