import type { Pixels } from '../../function/src/pipeline/start/pixels.ts';

/** The picture of `test/fixtures/watermark/picture.py`, to the byte. */
export function formulaPicture(width: number, height: number): Pixels {
  const data = new Uint8Array(width * height * 3);
  const fold = (value: number) => Math.min(value % 511, 510 - (value % 511));
  const isWithin = (value: number, side: number, from: number, to: number) =>
    value >= Math.floor(side * from) && value < Math.floor(side * to);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const slopes = [x * 3 + y * 2, Math.floor((x * y) / 7) + 40, Math.floor((x * x) / 50) + y * 5];
      const isInSquare = isWithin(x, width, 1 / 4, 1 / 2);
      const isBlue = isInSquare && isWithin(y, height, 1 / 3, 1 / 2);
      const isYellow = isInSquare && isWithin(y, height, 1 / 2, 3 / 4);
      data.set(isBlue ? [0, 0, 255] : isYellow ? [255, 250, 3] : slopes.map(fold), 3 * (y * width + x));
    }
  }
  return { data, width, height, channels: 3 };
}
