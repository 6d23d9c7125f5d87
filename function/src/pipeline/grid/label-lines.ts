import type { LabelFont } from './label-font.ts';

const MAX_LINES = 4;

/** Breaks a text into lines of at most so many pixels, between words where it can. What is left is an ellipsis. */
export function breakLines(text: string, font: LabelFont, size: number, maxWidth: number): string[] {
  const fits = (line: string) => font.widthOf(line, size) <= maxWidth;
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/[\s\p{Cc}]+/u).flatMap((whole) => breakWord(whole, fits))) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && !fits(longer)) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  lines.push(line);
  if (lines.length <= MAX_LINES) return lines;
  let last = lines[MAX_LINES - 1] ?? '';
  while (last !== '' && !fits(`${last}…`)) last = last.slice(0, -1);
  return [...lines.slice(0, MAX_LINES - 1), `${last}…`];
}

/** A word in pieces that fit: names of samplers are longer than a small picture is wide. */
function breakWord(word: string, fits: (text: string) => boolean): string[] {
  const pieces: string[] = [];
  let piece = '';
  for (const character of word) {
    if (piece !== '' && !fits(piece + character)) {
      pieces.push(piece);
      piece = '';
    }
    piece += character;
  }
  return [...pieces, piece];
}
