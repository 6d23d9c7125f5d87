import { describeStatus, type ServerStatus } from '../../telemetry/describe-status.ts';
import { escapeHtml } from '../docs/render-page.ts';

const renderCells = (cells: readonly string[], tag: 'th scope="col"' | 'td'): string =>
  cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag.slice(0, 2)}>`).join('');

/** A page about a status: plain HTML, without scripts, in the style of the API's page. */
export const renderStatus = (status: ServerStatus, at: Date): string => {
  const { lines, phases } = describeStatus(status);
  const [head = [], ...rows] = phases;
  const facts = lines.map(
    ([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  const table =
    rows.length === 0
      ? '<p>No pictures yet.</p>'
      : `<div class="table" tabindex="0"><table><thead><tr>${renderCells(head, 'th scope="col"')}</tr></thead>` +
        `<tbody>${rows.map((row) => `<tr>${renderCells(row, 'td')}</tr>`).join('')}</tbody></table></div>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Safelight status</title>
<link rel="stylesheet" href="/docs.css">
</head>
<body>
<header><h1>Safelight <small>at ${escapeHtml(at.toISOString())}</small></h1>
<nav><a href="/status">again</a> <a href="/">playground</a> <a href="/docs">API</a></nav></header>
<main>
<h2>Now and lately</h2>
<table><tbody>${facts.join('')}</tbody></table>
<h2>Where the time went</h2>
${table}
</main>
</body>
</html>
`;
};
