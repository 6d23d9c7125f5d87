/** One of the prompts that `AND` joins. */
export interface ComposedPrompt {
  text: string;
  /** What guidance towards it is multiplied by. */
  weight: number;
}

const AND = /(?<![\p{L}\p{N}_])AND(?![\p{L}\p{N}_])/u;
const WEIGHT = /^[-+]?(?:\d+\.?|\d*\.\d+)$/;

/**
 * Splits `a AND b :0.5`, to be guided towards each (Liu et al., "Compositional visual generation with composable
 * diffusion models", 2022). A prompt without `AND` stays as it is: where A1111 takes the 30 of "at 12:30" for a weight of 30,
 * we do not.
 *
 * Source: A1111 `modules/prompt_parser.py` (`get_multicond_prompt_list`).
 */
export function splitComposition(prompt: string): ComposedPrompt[] {
  const parts = prompt.split(AND);
  if (parts.length === 1) return [{ text: prompt, weight: 1 }];
  return parts.map((part) => {
    const colon = part.lastIndexOf(':');
    const weight = part.slice(colon + 1).trim();
    if (colon === -1 || !WEIGHT.test(weight)) return { text: part.trimEnd(), weight: 1 };
    return { text: part.slice(0, colon).trimEnd(), weight: Number(weight) };
  });
}
