import { Tokenizer as BpeTokenizer } from '@huggingface/tokenizers';

export const START_TOKEN = '<|startoftext|>';
export const END_TOKEN = '<|endoftext|>';
export const END_OF_WORD = '</w>';
/** The text encoder's number of positions, of which start and end take two. */
const DEFAULT_MAX_LENGTH = 77;

/** A word as the tokenizer sees it, normalised, and the tokens it becomes. */
export interface TokenizedWord {
  word: string;
  tokenIds: number[];
}

export interface EncodedText {
  /** [maxLength]: start, the text's tokens as far as they fit, end, then end again as padding. */
  tokenIds: Int32Array;
  /** Tokens of the whole text, without start and end; above `maxLength - 2` some did not fit. */
  tokenCount: number;
  /** Normalised text from the first word that did not fit whole to the end; undefined if all fits. */
  truncatedText: string | undefined;
}

/** Text to the token ids of CLIP's text encoder. */
export interface Tokenizer {
  readonly startId: number;
  /** Ends a text and pads it. */
  readonly endId: number;
  /**
   * @param options.maxLength At least 2. @defaultValue 77
   * @throws RangeError if there is no room for start and end.
   */
  encode(text: string, options?: { maxLength?: number }): EncodedText;
  /** The words of a text, without start and end, cut as CLIP cuts them: "don't" is "don" and "'t". */
  words(text: string): TokenizedWord[];
  /** The text of one token, normalised; bytes that are no character by themselves become U+FFFD. */
  decode(tokenId: number): string;
}

/**
 * A tokenizer from the contents of a `tokenizer.json`, such as {@link createClipTokenizerJson} makes.
 *
 * A literal `<|startoftext|>` or `<|endoftext|>` in a text becomes that special token, as in Hugging Face's
 * tokenizers; a user gains nothing by it but a prompt that ends early.
 *
 * @throws Error if the file is not a CLIP tokenizer.
 */
export function createTokenizer(tokenizerJson: unknown): Tokenizer {
  const bpe = new BpeTokenizer(tokenizerJson as object, {});
  const startId = specialTokenId(bpe, START_TOKEN);
  const endId = specialTokenId(bpe, END_TOKEN);
  return {
    startId,
    endId,
    words: (text) => wordIds(bpe, text).map((tokenIds) => ({ word: decodeWord(bpe, tokenIds), tokenIds })),
    decode: (tokenId) => decodeWord(bpe, [tokenId]),
    encode(text, { maxLength = DEFAULT_MAX_LENGTH } = {}) {
      const room = maxLength - 2;
      if (!(room >= 0)) throw new RangeError(`A length of ${maxLength} leaves no room for start and end.`);
      const words = wordIds(bpe, text);
      const textIds = words.flat();
      const tokenIds = new Int32Array(maxLength).fill(endId);
      tokenIds.set([startId, ...textIds.slice(0, room)]);
      return {
        tokenIds,
        tokenCount: textIds.length,
        truncatedText: textIds.length > room ? textAfter(bpe, text, words, room) : undefined,
      };
    },
  };
}

function specialTokenId(bpe: BpeTokenizer, token: string): number {
  const id = bpe.token_to_id(token);
  if (id === undefined) throw new Error(`This is not a CLIP tokenizer: it has no ${token} token.`);
  return id;
}

/** UTF-8, on which CLIP's vocabulary is built, cannot express half of a surrogate pair. */
function replaceLoneSurrogates(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\uFFFD');
}

/** The tokens of a text, word by word. */
function wordIds(bpe: BpeTokenizer, text: string): number[][] {
  const words: number[][] = [];
  let word: number[] = [];
  for (const token of bpe.tokenize(replaceLoneSurrogates(text))) {
    word.push(bpe.token_to_id(token) as number);
    if (!token.endsWith(END_OF_WORD) && token !== START_TOKEN && token !== END_TOKEN) continue;
    words.push(word);
    word = [];
  }
  return words;
}

function decodeWord(bpe: BpeTokenizer, tokenIds: number[]): string {
  const decoded = bpe.decode(tokenIds, { clean_up_tokenization_spaces: false });
  return decoded.replace(/ $/, ''); // what the end-of-word mark decodes to
}

/** The normalised text from the first word that does not fit whole into `room` tokens. */
function textAfter(bpe: BpeTokenizer, text: string, words: readonly number[][], room: number): string | undefined {
  const wellFormed = replaceLoneSurrogates(text);
  const normalized = bpe.normalizer?.normalize(wellFormed) ?? wellFormed;
  let position = 0;
  let tokens = 0;
  for (const tokenIds of words) {
    const word = decodeWord(bpe, tokenIds);
    // Only spaces lie between words, so the next occurrence is the word itself.
    const start = normalized.indexOf(word, position);
    tokens += tokenIds.length;
    if (tokens > room) return normalized.slice(start).replace(/ $/, '');
    position = start + word.length;
  }
  return undefined;
}
