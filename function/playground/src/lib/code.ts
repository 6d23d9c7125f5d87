import type { GenerateInput } from '@safelight/sdk';

/** What a snippet needs to know. */
export interface CodeOptions {
  endpoint: string;
  /** Whether the server asks for a key. The key itself is never shown: the snippets read it from the environment. */
  needsKey: boolean;
}

/** A program that makes the same pictures with the SDK and keeps them as files. */
export function toTypeScript(input: GenerateInput, { endpoint, needsKey }: CodeOptions): string {
  const extension = extensionOf(input);
  const key = needsKey ? ', apiKey: process.env.SAFELIGHT_API_KEY' : '';
  const fields = Object.entries(input).map(([name, value]) => `  ${name}: ${literal(value)},`);
  return `import { writeFile } from 'node:fs/promises';
import { createSafelight } from '@safelight/sdk';

const safelight = createSafelight({ endpoint: ${literal(trimSlash(endpoint))}${key} });

const { images, seed } = await safelight.generate({
${fields.join('\n')}
});
console.log('seed', seed);
for (const image of images) {
  const data = await safelight.images.arrayBuffer(image);
  await writeFile(\`picture-\${image.index + 1}.${extension}\`, new Uint8Array(data));
}
`;
}

/** The same in a shell, over plain HTTP: submit, wait, fetch. */
export function toCurl(input: GenerateInput, { endpoint, needsKey }: CodeOptions): string {
  const key = needsKey ? ' -H "authorization: Bearer $SAFELIGHT_API_KEY"' : '';
  const call = `curl -fsS${key}`;
  return `ENDPOINT=${quote(trimSlash(endpoint))}
INPUT=${quote(JSON.stringify(input))}

# A key of your own for each piece of work: sent again, it gives the same job.
BODY="\${INPUT%\\}},\\"idempotencyKey\\":\\"$(date +%s)-$$\\"}"
ID=$(${call} "$ENDPOINT/trpc/jobs.submit" -H 'content-type: application/json' -d "$BODY" |
  sed 's/.*"data":{"id":"\\([a-z0-9]*\\)".*/\\1/')

until ${call} --get "$ENDPOINT/trpc/jobs.get" --data-urlencode "input={\\"jobId\\":\\"$ID\\"}" |
  tee job.json | grep -Eq '"status":"(succeeded|failed|canceled)"'; do sleep 1; done

N=0
grep -o '"url":"[^"]*"' job.json | cut -d'"' -f4 | while read -r URL; do
  curl -fsS -o "picture-$((N += 1)).${extensionOf(input)}" "$URL"
done
`;
}

const extensionOf = ({ format = 'png' }: GenerateInput): string => (format === 'jpeg' ? 'jpg' : format);

const trimSlash = (endpoint: string): string => endpoint.replace(/\/+$/, '');

/** A TypeScript literal in single quotes, as the SDK's own examples have them. */
function literal(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  const inner = JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inner}'`;
}

/** A word for the shell that means exactly this text. */
const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
