import type { Pixels } from '../start/pixels.ts';

/** Black pixels between pictures and around them. */
const PADDING = 2;

/** Pixels of such a sheet. */
export function gridSize(
  count: number,
  { width, height }: Pick<Pixels, 'width' | 'height'>,
  perRow: number,
): { width: number; height: number } {
  if (count === 1) return { width, height };
  const columns = Math.min(perRow, count);
  const rows = Math.ceil(count / columns);
  return { width: columns * (width + PADDING) + PADDING, height: rows * (height + PADDING) + PADDING };
}

/**
 * Pictures of one size on one sheet, row by row; a single one is the sheet.
 *
 * Source: torchvision `utils.make_grid`.
 */
export function makeGrid(pictures: readonly Pixels[], perRow: number): Pixels {
  const [first] = pictures;
  if (first === undefined) throw new RangeError('A grid has at least one picture.');
  if (pictures.length === 1) return first;
  const size = gridSize(pictures.length, first, perRow);
  const columns = Math.min(perRow, pictures.length);
  const sheet: Pixels = { ...size, channels: 3, data: new Uint8Array(size.width * size.height * 3) };
  for (const [i, picture] of pictures.entries()) {
    const left = PADDING + (i % columns) * (picture.width + PADDING);
    const top = PADDING + Math.floor(i / columns) * (picture.height + PADDING);
    for (let y = 0; y < picture.height; y += 1) {
      const line = picture.data.subarray(y * picture.width * 3, (y + 1) * picture.width * 3);
      sheet.data.set(line, ((top + y) * size.width + left) * 3);
    }
  }
  return sheet;
}
