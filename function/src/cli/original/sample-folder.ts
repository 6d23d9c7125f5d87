import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FunctionError } from '../../errors.ts';
import { writeWhole } from '../output-files.ts';

/** Where a script writes: `samples/00000.png`, `grid-0000.png`, and on from what is there. */
export interface SampleFolder {
  /** Returns the file's path. */
  saveSample(png: Uint8Array): Promise<string>;
  saveGrid(png: Uint8Array): Promise<string>;
}

/**
 * Makes the folder. Numbers go on as the original's do, from how many files there are; those that are taken are left out,
 * where the original writes over them.
 * @throws FunctionError `invalid_input` when there can be no such folder.
 */
export async function openSampleFolder(outdir: string): Promise<SampleFolder> {
  const samples = join(outdir, 'samples');
  await mkdir(samples, { recursive: true }).catch((cause) => {
    const message = `--outdir ${outdir} cannot be made: is there a file of that name, or a closed folder?`;
    throw new FunctionError('invalid_input', message, { field: 'outdir', cause });
  });
  let nextSample = (await readdir(samples)).length;
  let nextGrid = (await readdir(outdir)).length - 1;
  const nameSample = () => join(samples, `${String(nextSample++).padStart(5, '0')}.png`);
  const nameGrid = () => join(outdir, `grid-${String(nextGrid++).padStart(4, '0')}.png`);
  return { saveSample: (png) => saveFree(nameSample, png), saveGrid: (png) => saveFree(nameGrid, png) };
}

async function saveFree(name: () => string, png: Uint8Array): Promise<string> {
  let path = name();
  while (await exists(path)) path = name();
  await writeWhole(path, png);
  return path;
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
