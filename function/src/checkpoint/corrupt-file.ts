import { FunctionError } from '../errors.ts';

const LONGEST_NAME = 120;

/** A file that is damaged, cut short or made to deceive. `problem` continues the sentence "x cannot be read: …". */
export function corruptFile(fileName: string, problem: string, cause?: unknown): FunctionError {
  return new FunctionError('model_corrupt', `${fileName} cannot be read: ${problem}.`, { cause });
}

/** A name from inside a file, made fit for a message: short, and without characters that would drive a terminal. */
export function printable(name: string): string {
  const clipped = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
  return clipped.replaceAll(/\p{C}/gu, '\u{fffd}');
}
