import { readdir } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { hasErrorCode } from '../disk-errors.ts';
import { FunctionError } from '../errors.ts';

/** A file that changes what a model draws: a LoRA, an embedding. */
export interface AddOn {
  /** The file's name without its extension: what callers ask for it by. */
  readonly name: string;
  readonly path: string;
}

/** Where add-ons lie. It may change at any time. */
export interface AddOnSource {
  /**
   * All there are, by name. Of two files of one name the first counts: the earlier extension, then the earlier path.
   * @param extensions Lower-case, with the dot, the preferred one first; files may write them in capitals.
   * @throws FunctionError `unavailable` when they cannot be listed.
   */
  list(extensions: readonly string[]): Promise<Map<string, AddOn>>;
  /** Sees to it that the file lies at its path. @throws FunctionError when it cannot be had, or not written. */
  bring(addOn: AddOn): Promise<void>;
}

/** A folder on this machine. */
export function createAddOnFolder(folder: string): AddOnSource {
  return { list: (extensions) => listAddOns(folder, extensions), bring: async () => undefined };
}

/** Names that an error lists; a folder may have thousands. */
const MAX_NAMED = 20;

/**
 * The add-ons in a folder and the folders in it, by name; none where there is no such folder. Callers' names are only
 * ever compared with these, so that no name leads out of the folder. Of two files of one name the first counts: the
 * earlier extension, then the earlier path. Links to files are followed, links to folders are not.
 * @param extensions Lower-case, with the dot, the preferred one first; files may write them in capitals.
 * @throws FunctionError `unavailable` when the folder cannot be read.
 */
export async function listAddOns(folder: string, extensions: readonly string[]): Promise<Map<string, AddOn>> {
  const found = await readFolder(folder);
  const files = found.filter((entry) => entry.isFile() || entry.isSymbolicLink());
  return pickAddOns(
    files.map((entry) => join(entry.parentPath, entry.name)),
    extensions,
  );
}

/** The add-ons among files, as `AddOnSource.list` has it; hidden files are none. */
export function pickAddOns(paths: readonly string[], extensions: readonly string[]): Map<string, AddOn> {
  const candidates = paths.map((path) => {
    const { name, ext, base } = parse(path);
    return { name, path, rank: base.startsWith('.') ? -1 : extensions.indexOf(ext.toLowerCase()) };
  });
  const usable = candidates.filter(({ rank }) => rank >= 0);
  usable.sort((a, b) => a.rank - b.rank || compare(a.path, b.path));
  const addOns = new Map<string, AddOn>();
  for (const { name, path } of usable) if (!addOns.has(name)) addOns.set(name, { name, path });
  return new Map([...addOns].sort(([a], [b]) => compare(a, b)));
}

/** Names for a message: "a, b and 3 more". Empty for none. */
export function nameAddOns(names: Iterable<string>): string {
  const all = [...names];
  const more = all.length > MAX_NAMED ? ` and ${all.length - MAX_NAMED} more` : '';
  return all.slice(0, MAX_NAMED).join(', ') + more;
}

async function readFolder(folder: string) {
  try {
    return await readdir(folder, { recursive: true, withFileTypes: true });
  } catch (cause) {
    if (hasErrorCode(cause, 'ENOENT')) return [];
    // The path is the server's own affair.
    throw new FunctionError('unavailable', 'The folder of add-ons cannot be read: check its permissions.', { cause });
  }
}

/** By code units: the same order on every machine. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
