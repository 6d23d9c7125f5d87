import { readFile } from 'node:fs/promises';
import { FunctionError } from '../errors.ts';

/** Looks at a prompt before its job is accepted. @throws FunctionError to refuse it; the message must not repeat it. */
export type CheckPrompt = (prompt: string) => void;

/**
 * Refuses prompts with any of these words or phrases, as whole words, whatever their case, accents' encoding, or
 * what stands between them.
 */
export const refuseWords = (words: readonly string[]): CheckPrompt => {
  const blocked = words.map(spell).filter((word) => word.trim() !== '');
  return (prompt) => {
    const text = spell(prompt);
    if (!blocked.some((word) => text.includes(word))) return;
    throw new FunctionError('invalid_input', 'prompt asks for something that this server does not draw: change it', {
      field: 'prompt',
    });
  };
};

/** Letters and digits, in words with a space before and behind. */
const spell = (text: string): string =>
  ` ${text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim()} `;

/**
 * Reads a list of words and phrases, one a line; lines that begin with # are comments.
 * @throws FunctionError `invalid_input` when the file cannot be read.
 */
export const readWords = async (path: string): Promise<string[]> => {
  const text = await readFile(path, 'utf8').catch((cause) => {
    const message = 'The list of blocked words cannot be read: is the file there?';
    throw new FunctionError('invalid_input', message, { field: 'blockedWords', cause });
  });
  return text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
};
