import type { Command } from 'commander';
import type { CliConfig } from '../config.ts';
import { interruptSignal } from '../interrupt.ts';
import { createS3Client } from './create-s3-client.ts';
import { createTransferBar } from './transfer-bar.ts';
import { findBundle } from './verify.ts';

export function addPushCommand(weights: Command, config: CliConfig): void {
  weights
    .command('push')
    .description('send a model to S3: only what changed; an interrupted push goes on where it was')
    .argument('<model>', 'name of a converted model, or the folder of a bundle')
    .argument('<place>', 's3://bucket/prefix')
    .action(async (model: string, place: string) => {
      const folder = await findBundle(model, config);
      const [{ pushBundle }, { parseS3Uri }] = await Promise.all([
        import('../../transfer/push-bundle.ts'),
        import('../../transfer/s3-location.ts'),
      ]);
      const bar = createTransferBar('sending');
      try {
        const { manifest, sentFiles, sentBytes } = await pushBundle({
          ...parseS3Uri(place),
          client: await createS3Client(),
          folder,
          onProgress: ({ transferredBytes, totalBytes }) => bar.update(transferredBytes, totalBytes),
          signal: interruptSignal(),
        });
        bar.stop();
        process.stdout.write(`${sentFiles.length} files sent, ${(sentBytes / 1e6).toFixed(0)} MB\n`);
        const { name, useRestrictions } = manifest.model.license;
        process.stderr.write(`Whoever can read it there gets the model under ${name}. ${useRestrictions}\n`);
      } finally {
        bar.stop();
      }
    });
}
