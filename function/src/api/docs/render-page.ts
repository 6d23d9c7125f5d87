import type { ApiDocument, Operation } from './document.ts';
import { describeFields, type FieldRow } from './schema-text.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
/** A text as it stands in HTML, between tags or in quotes. */
export const escapeHtml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

const renderRow = ({ name, type, isRequired, note }: FieldRow): string =>
  `<tr><th scope="row"><code>${escapeHtml(name)}</code>${isRequired ? '' : ' <i>optional</i>'}</th>` +
  `<td><code>${escapeHtml(type)}</code></td><td>${escapeHtml(note)}</td></tr>`;

const renderFields = (title: string, schema: object | undefined): string => {
  const rows = schema === undefined ? [] : describeFields(schema);
  if (rows.length === 0) return '';
  const head = '<thead><tr><th scope="col">Field</th><th scope="col">Type</th><th scope="col">Note</th></tr></thead>';
  return `<h3>${escapeHtml(title)}</h3><div class="table" tabindex="0"><table>${head}<tbody>${rows.map(renderRow).join('')}</tbody></table></div>`;
};

const renderContents = (title: string, content: Record<string, { schema?: object }> = {}): string =>
  Object.entries(content)
    .map(([mediaType, { schema }]) => renderFields(`${title}: ${mediaType}`, schema))
    .join('');

const renderOperation = (method: string, path: string, operation: Operation): string => {
  const { summary, parameters = [], requestBody, responses } = operation;
  const inputs = parameters.map(({ name, in: place, schema, content = {} }) =>
    schema === undefined
      ? renderContents(`${name}, in the ${place}, as JSON`, content)
      : renderFields(`In the ${place}`, { type: 'object', required: [name], properties: { [name]: schema } }),
  );
  const body = renderContents('Body', requestBody?.content);
  const answer = renderContents('Answer', responses['200']?.content);
  return (
    `<details><summary><code class="method">${method.toUpperCase()}</code> <code>${escapeHtml(path)}</code> ` +
    `<span>${escapeHtml(summary)}</span></summary>${inputs.join('')}${body}${answer}</details>`
  );
};

const renderTag = (tag: string, paths: ApiDocument['paths']): string => {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { tags }]) => tags.includes(tag))
      .map(([method, operation]) => renderOperation(method, path, operation)),
  );
  return `<section id="${escapeHtml(tag)}"><h2>${escapeHtml(tag)}</h2>${operations.join('\n')}</section>`;
};

/** A page about a document: plain HTML, without scripts, its style in a file beside it. */
export const renderPage = ({ info, paths }: ApiDocument): string => {
  const tags = [
    ...new Set(Object.values(paths).flatMap((methods) => Object.values(methods).flatMap(({ tags }) => tags))),
  ];
  const links = tags.map((tag) => `<a href="#${escapeHtml(tag)}">${escapeHtml(tag)}</a>`).join(' ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(info.title)} API</title>
<link rel="stylesheet" href="/docs.css">
</head>
<body>
<header><h1>${escapeHtml(info.title)} API <small>${escapeHtml(info.version)}</small></h1>
<nav>${links} <a href="/openapi.json">openapi.json</a> <a href="/">playground</a></nav></header>
<main>
${tags.map((tag) => renderTag(tag, paths)).join('\n')}
</main>
</body>
</html>
`;
};
