import { readFile, stat } from 'node:fs/promises';
import { promptTextSchema } from '@safelight/sdk/contract';
import { FunctionError } from '../../errors.ts';

const MAX_BYTES = 10 * 1024 * 1024;

/**
 * The lines of a file; empty ones between others are prompts too, as in the original.
 * @throws FunctionError `invalid_input` for a file that cannot be read, is empty, or has a line that is no prompt.
 */
export async function readPromptFile(path: string): Promise<string[]> {
  const text = await read(path);
  const lines = text.split(/\r\n|[\n\r\u2028\u2029]/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) throw refused('has no lines: write a prompt on each');
  const at = lines.findIndex((line) => !promptTextSchema.safeParse(line).success);
  if (at >= 0) throw refused(`has no prompt on line ${at + 1}: it is too long, or no text`);
  return lines;
}

async function read(path: string): Promise<string> {
  try {
    if ((await stat(path)).size > MAX_BYTES) throw refused('is larger than 10 MiB: cut it into several');
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof FunctionError) throw cause;
    throw refused('cannot be read: is it there?', cause);
  }
}

function refused(what: string, cause?: unknown): FunctionError {
  return new FunctionError('invalid_input', `The file of --from-file ${what}`, { field: 'from-file', cause });
}
