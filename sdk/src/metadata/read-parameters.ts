/**
 * `Name: value` pairs with commas between them; values with separators in them are written as JSON. A name begins behind
 * a comma, so that a long line without any pair is not searched from each of its characters.
 */
const PAIR = /(?:^|,)\s*(\w[\w ().+-]*?):\s*("(?:\\.|[^\\"])*"|[^,]*)(?=,|$)/g;
const NEGATIVE = 'Negative prompt:';

/** What a picture was drawn with, as AUTOMATIC1111 and its kin write it. */
export interface PictureParameters {
  prompt: string;
  negativePrompt: string;
  /** The rest by AUTOMATIC1111's names, such as `CFG scale`, in order. */
  values: ReadonlyMap<string, string>;
}

/**
 * Reads AUTOMATIC1111's `parameters` text: the prompt, the negative prompt, then a line of pairs.
 * @returns `undefined` for a text that is something else.
 */
export function readParameters(text: string): PictureParameters | undefined {
  const lines = text.replaceAll('\0', '').trim().split(/\r?\n/);
  const values = readPairs(lines.at(-1) ?? '');
  return values.has('Steps') ? { ...readPrompts(lines.slice(0, -1)), values } : undefined;
}

function readPrompts(lines: readonly string[]): Pick<PictureParameters, 'prompt' | 'negativePrompt'> {
  const negativeAt = lines.findIndex((line) => line.startsWith(NEGATIVE));
  if (negativeAt < 0) return { prompt: lines.join('\n'), negativePrompt: '' };
  const negativePrompt = lines.slice(negativeAt).join('\n').slice(NEGATIVE.length).trim();
  return { prompt: lines.slice(0, negativeAt).join('\n').trim(), negativePrompt };
}

function readPairs(line: string): ReadonlyMap<string, string> {
  return new Map(Array.from(line.matchAll(PAIR), ([, name = '', value = '']) => [name, unquote(value.trim())]));
}

function unquote(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}
