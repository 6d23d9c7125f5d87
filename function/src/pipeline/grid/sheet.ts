import type { Grid } from '@safelight/sdk/contract';
import sharp from 'sharp';
import type { Pixels } from '../start/pixels.ts';
import { resizePixels } from '../start/resize.ts';
import { axisLabels } from './axis-labels.ts';
import { type LabelFont, openLabelFont } from './label-font.ts';
import { breakLines } from './label-lines.ts';

/** Pictures are made smaller where the sheet would be larger than this, in pixels. */
const MAX_SIDE = 8192;
const WHITE = 255;
const INK = '#111';
const LINE_HEIGHT = 1.25;

/** All pictures of a grid on one, with what they differ in at its edges. */
export interface Sheet {
  /** The next picture, row by row. */
  add(picture: Pixels): Promise<void>;
  finish(): Promise<Pixels>;
}

/** An empty sheet. The same pictures and grid give the same sheet. */
export function createSheet({ x, y }: Grid): Sheet {
  const columns = axisLabels(x);
  const rows = y === undefined ? [''] : axisLabels(y);
  const cells: Pixels[] = [];
  return {
    async add(picture) {
      const { width, height } = picture;
      const scale = Math.min(1, MAX_SIDE / (width * columns.length), MAX_SIDE / (height * rows.length));
      const size = { width: Math.floor(width * scale), height: Math.floor(height * scale) };
      cells.push(scale === 1 ? picture : await resizePixels(picture, size));
    },
    finish: async () => layOut(cells, columns, rows, await openLabelFont()),
  };
}

interface Label {
  lines: string[];
  left: number;
  top: number;
  width: number;
  height: number;
}

async function layOut(cells: readonly Pixels[], columns: string[], rows: string[], font: LabelFont): Promise<Pixels> {
  const [{ width, height } = { width: 1, height: 1 }] = cells;
  const size = Math.max(12, Math.round((width + height) / 32));
  const gap = Math.max(2, Math.round(size / 4));
  const lineHeight = Math.ceil(size * LINE_HEIGHT);
  const columnLines = columns.map((text) => breakLines(text, font, size, width));
  const rowLines = rows.map((text) => breakLines(text, font, size, Math.max(width, size * 8)));
  const rowWidth = Math.ceil(Math.max(...rowLines.flat().map((line) => font.widthOf(line, size))));
  const left = rowWidth === 0 ? gap : rowWidth + 2 * gap;
  const top = Math.max(...columnLines.map((lines) => lines.length)) * lineHeight + 2 * gap;
  const cellLeft = (column: number) => left + column * (width + gap);
  const cellTop = (row: number) => top + row * (height + gap);

  const sheetWidth = cellLeft(columns.length);
  const sheetHeight = cellTop(rows.length);
  const data = new Uint8Array(sheetWidth * sheetHeight * 3).fill(WHITE);
  for (const [index, cell] of cells.entries()) {
    const at = { left: cellLeft(index % columns.length), top: cellTop(Math.floor(index / columns.length)) };
    for (let line = 0; line < height; line++)
      data.set(
        cell.data.subarray(line * width * 3, (line + 1) * width * 3),
        ((at.top + line) * sheetWidth + at.left) * 3,
      );
  }
  const labels: Label[] = [
    ...columnLines.map((lines, column) => ({ lines, left: cellLeft(column), top: 0, width, height: top })),
    ...rowLines.map((lines, row) => ({ lines, left: 0, top: cellTop(row), width: left, height })),
  ].filter(({ lines }) => lines.join('') !== '');
  const overlays = labels.map((label) => ({
    input: drawLabel(label, font, size, lineHeight),
    left: label.left,
    top: label.top,
  }));
  const sheet = sharp(data, { raw: { width: sheetWidth, height: sheetHeight, channels: 3 } });
  const drawn = await sheet.composite(overlays).removeAlpha().raw().toBuffer();
  return { data: drawn, width: sheetWidth, height: sheetHeight, channels: 3 };
}

/** A label as an SVG of its box, in the middle of it. */
function drawLabel({ lines, width, height }: Label, font: LabelFont, size: number, lineHeight: number): Buffer {
  const first = (height - lines.length * lineHeight) / 2 + size;
  const paths = lines.map((line, i) =>
    font.pathOf(line, (width - font.widthOf(line, size)) / 2, first + i * lineHeight, size),
  );
  const box = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" ${box}><path fill="${INK}" d="${paths.join('')}"/></svg>`,
  );
}
