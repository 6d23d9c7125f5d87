export interface Series {
  readonly name: string;
  readonly color: string;
  readonly points: readonly { x: number; y: number; label: string }[];
}

export interface PlotParams {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
}

const WIDTH = 760;
const HEIGHT = 440;
const MARGIN = { left: 70, right: 30, top: 50, bottom: 60 };

/** A plot with two logarithmic axes, as SVG that shows on light and dark pages. */
export function plot({ title, xLabel, yLabel, series }: PlotParams): string {
  const points = series.flatMap((one) => one.points);
  const x = axis(
    points.map((point) => point.x),
    MARGIN.left,
    WIDTH - MARGIN.right,
  );
  const y = axis(
    points.map((point) => point.y),
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  );
  const text = (left: number, top: number, content: string, extra = '') =>
    `<text x="${left.toFixed(1)}" y="${top.toFixed(1)}" ${extra}>${content}</text>`;
  const grid = [
    ...x.ticks.map(
      (value) => `<line x1="${x.at(value)}" x2="${x.at(value)}" y1="${MARGIN.top}" y2="${HEIGHT - MARGIN.bottom}"/>`,
    ),
    ...y.ticks.map(
      (value) => `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y.at(value)}" y2="${y.at(value)}"/>`,
    ),
  ];
  const labels = [
    text(WIDTH / 2, 24, title, 'text-anchor="middle" font-size="15"'),
    text(WIDTH / 2, HEIGHT - 14, xLabel, 'text-anchor="middle"'),
    text(0, 0, yLabel, `text-anchor="middle" transform="translate(18 ${HEIGHT / 2}) rotate(-90)"`),
    ...x.ticks.map((value) => text(x.at(value), HEIGHT - MARGIN.bottom + 18, String(value), 'text-anchor="middle"')),
    ...y.ticks.map((value) => text(MARGIN.left - 8, y.at(value) + 4, String(value), 'text-anchor="end"')),
  ];
  const lines = series.flatMap(({ name, color, points: own }, index) => [
    `<polyline fill="none" stroke="${color}" stroke-width="2" points="${own.map((point) => `${x.at(point.x).toFixed(1)},${y.at(point.y).toFixed(1)}`).join(' ')}"/>`,
    ...own.map(
      (point) => `<circle cx="${x.at(point.x).toFixed(1)}" cy="${y.at(point.y).toFixed(1)}" r="3.5" fill="${color}"/>`,
    ),
    ...own.map((point) => text(x.at(point.x) + 6, y.at(point.y) - 6, point.label, `fill="${color}" font-size="11"`)),
    text(MARGIN.left + 12 + index * 200, MARGIN.top - 10, name, `fill="${color}" font-weight="bold"`),
  ]);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<g stroke="#dddddd">${grid.join('')}</g>`,
    ...labels,
    ...lines,
    '</svg>\n',
  ].join('\n');
}

/** Positions of values from one end to the other, and round numbers between. */
function axis(values: readonly number[], from: number, to: number) {
  const low = Math.min(...values) / 1.25;
  const high = Math.max(...values) * 1.25;
  const at = (value: number): number => from + ((to - from) * Math.log(value / low)) / Math.log(high / low);
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const step of [1, 2, 5]) {
      const value = Number((step * 10 ** power).toPrecision(1));
      if (value >= low && value <= high) ticks.push(value);
    }
  return { at, ticks };
}
