import { lstat, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type ImageFormat, MAX_UPLOAD_BYTES } from '@safelight/sdk/contract';
import { FunctionError } from '../../errors.ts';
import { checkOutput, freeName, writeWhole } from '../output-files.ts';

/** Pictures that an assistant made. */
export interface OutputFolder {
  /** Writes a picture under a name that no file has yet. @returns its name in the folder. */
  save(data: Uint8Array, seed: number, format: ImageFormat): Promise<string>;
  /**
   * A picture's bytes, by its name.
   * @throws FunctionError `invalid_input` for what is no plain file of the folder itself.
   */
  read(name: string): Promise<Uint8Array>;
}

/** @throws FunctionError `invalid_input` when the folder is missing or closed. */
export async function createOutputFolder(path: string): Promise<OutputFolder> {
  const folder = resolve(path);
  await checkOutput(join(folder, 'safelight.png'));
  // One after the other: two pictures with one seed must not both find the same name free.
  let turn: Promise<unknown> = Promise.resolve();
  return {
    save(data, seed, format) {
      const saved = turn.then(async () => {
        const file = await freeName(join(folder, `safelight-${seed}`), format === 'jpeg' ? 'jpg' : format);
        await writeWhole(file, data);
        return basename(file);
      });
      turn = saved.catch(() => undefined);
      return saved;
    },
    async read(name) {
      // A plain name, so that no path leads out of the folder; nor does a link.
      if (!/^[^/\\:]+\.(?:png|jpe?g|webp)$/i.test(name)) throw refused('must be the name of a picture, without a path');
      const file = join(folder, name);
      const found = await lstat(file).catch(() => undefined);
      if (!found?.isFile()) throw refused('is no picture in the output folder');
      if (found.size > MAX_UPLOAD_BYTES) throw refused(`is larger than ${MAX_UPLOAD_BYTES / 2 ** 20} MiB`);
      return await readFile(file);
    },
  };
}

const refused = (what: string) => new FunctionError('invalid_input', `file ${what}`, { field: 'file' });
