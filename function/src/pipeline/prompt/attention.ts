/** A stretch of a prompt and how strongly its tokens count. */
export interface WeightedText {
  text: string;
  weight: number;
}

const ROUND_WEIGHT = 1.1;
const SQUARE_WEIGHT = 1 / 1.1;

const TOKENS = /\\[()[\]\\]|\\|\(|\[|:\s*([+-]?[.\d]+)\s*\)|\)|\]|[^\\()[\]:]+|:/g;
/** The word alone, in any script. */
const BREAK = /(?<![\p{L}\p{N}_])BREAK(?![\p{L}\p{N}_])/u;

/** Stands for a `BREAK`: the tokens before it end their chunk. */
export const chunkBreak: Readonly<WeightedText> = { text: 'BREAK', weight: -1 };

/**
 * Reads `(x)` ×1.1, `[x]` ÷1.1, `(x:1.3)`, `\(` and `BREAK`; nesting multiplies, an unclosed bracket runs to the end.
 *
 * Source: A1111 `modules/prompt_parser.py` (`parse_prompt_attention`), quirks included: a `BREAK` inside brackets is a
 * word, as its weight is no longer −1.
 */
export function parseAttention(prompt: string): WeightedText[] {
  const texts: WeightedText[] = [];
  /** Where brackets opened, by their kind. */
  const opened: Record<string, number[]> = { '(': [], '[': [] };
  const multiplyFrom = (start: number | undefined, factor: number) => {
    for (const part of texts.slice(start)) part.weight *= factor;
  };

  for (const [token, weightText] of prompt.matchAll(TOKENS)) {
    const closing = closingOf(token, weightText);
    const ownBrackets = opened[closing?.opens ?? ''];
    if (token.startsWith('\\')) texts.push({ text: token.slice(1), weight: 1 });
    else if (token in opened) opened[token]?.push(texts.length);
    else if (closing && ownBrackets?.length) multiplyFrom(ownBrackets.pop(), closing.factor);
    else texts.push(...splitAtBreaks(token));
  }
  for (const start of opened['('] ?? []) multiplyFrom(start, ROUND_WEIGHT);
  for (const start of opened['['] ?? []) multiplyFrom(start, SQUARE_WEIGHT);
  return mergeEqualWeights(texts);
}

/** Which bracket a token closes, and what the text within is multiplied by. */
function closingOf(token: string, weightText: string | undefined): { opens: '(' | '['; factor: number } | undefined {
  const weight = Number(weightText);
  if (Number.isFinite(weight)) return { opens: '(', factor: weight };
  if (token === ')') return { opens: '(', factor: ROUND_WEIGHT };
  return token === ']' ? { opens: '[', factor: SQUARE_WEIGHT } : undefined;
}

function splitAtBreaks(text: string): WeightedText[] {
  const parts = text.split(BREAK);
  return parts.flatMap((part, i) => {
    const start = i > 0 ? part.trimStart() : part;
    const trimmed = i < parts.length - 1 ? start.trimEnd() : start;
    return [...(i > 0 ? [{ ...chunkBreak }] : []), { text: trimmed, weight: 1 }];
  });
}

function mergeEqualWeights(texts: readonly WeightedText[]): WeightedText[] {
  const merged: WeightedText[] = [];
  for (const { text, weight } of texts) {
    const last = merged.at(-1);
    if (last?.weight === weight) last.text += text;
    else merged.push({ text, weight });
  }
  return merged.length === 0 ? [{ text: '', weight: 1 }] : merged;
}
