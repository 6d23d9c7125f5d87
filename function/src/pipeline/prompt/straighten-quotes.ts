/**
 * Curly quotes to straight ones, which CLIP was trained on: its own tokenizer, and so the originals, cleaned texts with
 * ftfy, which does this (`uncurl_quotes`).
 */
export function straightenQuotes(text: string): string {
  return text.replace(/[\u02bc\u2018-\u201b]/g, "'").replace(/[\u201c-\u201f]/g, '"');
}
