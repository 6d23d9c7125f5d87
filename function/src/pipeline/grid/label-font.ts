/// <reference path="./opentype.d.ts" />
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Text as outlines, so that a label looks the same everywhere: servers have no fonts. Sizes are in pixels. */
export interface LabelFont {
  widthOf(text: string, size: number): number;
  /** Data of an SVG path; `x`, `y` is where the baseline starts. */
  pathOf(text: string, x: number, y: number, size: number): string;
}

/**
 * Reads DejaVu Sans, which takes a tenth of a second: Latin, Greek, Cyrillic and many more scripts; what it lacks is drawn as
 * a box.
 */
export async function openLabelFont(): Promise<LabelFont> {
  const file = require.resolve('@fontsource/dejavu-sans/files/dejavu-sans-latin-400-normal.woff');
  const [{ default: opentype }, { buffer, byteOffset, length }] = await Promise.all([
    import('opentype.js'),
    readFile(file),
  ]);
  const font = opentype.parse(buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer);
  // Character by character: the font's rules for ligatures and marks are more than the reader understands.
  const glyphsOf = (text: string) => Array.from(text, (character) => font.charToGlyph(character));
  const advance = (glyph: { advanceWidth?: number }, size: number) =>
    ((glyph.advanceWidth ?? 0) * size) / font.unitsPerEm;
  return {
    widthOf: (text, size) => glyphsOf(text).reduce((width, glyph) => width + advance(glyph, size), 0),
    pathOf(text, x, y, size) {
      let left = x;
      const paths = glyphsOf(text).map((glyph) => {
        const path = glyph.getPath(left, y, size).toPathData(2);
        left += advance(glyph, size);
        return path;
      });
      return paths.join('');
    },
  };
}
