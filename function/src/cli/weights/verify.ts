import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { openBundle, readManifest, verifyFiles } from '../../bundle/open-bundle.ts';
import { FunctionError } from '../../errors.ts';
import type { CliConfig } from '../config.ts';

export function addVerifyCommand(weights: Command, config: CliConfig): void {
  weights
    .command('verify')
    .description('check every checksum of a model, and that its networks compute')
    .argument('<model>', 'name of a converted model, or the folder of a bundle')
    .action(async (model: string) => {
      const folder = await findBundle(model, config);
      const manifest = await readManifest(folder);
      await verifyFiles(folder, manifest);
      process.stdout.write(`${Object.keys(manifest.files).length} files are as the manifest says\n`);
      const { selfCheck } = await import('../../runtime/self-check.ts');
      for (const { component, deviation } of await selfCheck(await openBundle(folder))) {
        process.stdout.write(`${component} computes (standard deviation of its output: ${deviation.toPrecision(3)})\n`);
      }
    });
}

/**
 * A name means a model in the models' folder, or the one that comes with Safelight, which is compiled if need be; anything
 * with a separator, or that is a folder, is taken as a path.
 */
export async function findBundle(model: string, { modelsDir, cacheDir, device }: CliConfig): Promise<string> {
  for (const folder of [join(modelsDir, model), model]) {
    const found = await stat(join(folder, 'manifest.json')).catch(() => undefined);
    if (found?.isFile()) return folder;
  }
  const [{ EMBEDDED_MODEL }, { shippedModel }] = await Promise.all([
    import('../../create-engine.ts'),
    import('../../bundle/available-model.ts'),
  ]);
  const embedded = await shippedModel(EMBEDDED_MODEL, cacheDir, device);
  if (model === embedded.info.name) return dirname((await embedded.open()).graphPath('unet'));
  throw new FunctionError('model_not_found', `There is no model ${model}: "safelight models" lists them`, {
    field: 'model',
  });
}
