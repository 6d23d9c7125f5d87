/**
 * A page that draws, and the server behind it, which keeps the API key. Needs a Safelight server: `npm run serve` in another
 * terminal; then open http://127.0.0.1:3000.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { toNodeHandler } from '@safelight/sdk/node';
import { createSafelightProxy } from '@safelight/sdk/proxy';
import { build } from 'esbuild';
import { Hono } from 'hono';

const {
  SAFELIGHT_ENDPOINT: endpoint = 'http://127.0.0.1:7788',
  SAFELIGHT_API_KEY: apiKey = 'none',
  PORT = '3000',
} = process.env;
const entry = join(import.meta.dirname, 'page.ts');
// The page's code is found as this program's is: in a clone of Safelight, from its sources.
const conditions = process.execArgv.filter((flag) => flag.startsWith('--conditions=')).map((flag) => flag.slice(13));
const bundle = await build({
  entryPoints: [entry],
  bundle: true,
  minify: true,
  format: 'esm',
  write: false,
  conditions,
});

const proxy = createSafelightProxy({
  endpoint,
  apiKey,
  // Here you would look at the visitor's session.
  authorize: () => true,
});

const app = new Hono()
  .all('/api/safelight/*', (context) => proxy(context.req.raw))
  .get('/page.js', (context) =>
    context.body(bundle.outputFiles[0]?.text ?? '', 200, { 'content-type': 'text/javascript' }),
  )
  .get('/', async (context) => context.html(await readFile(join(import.meta.dirname, 'page.html'), 'utf8')));

const server = createServer(toNodeHandler(async (request) => app.fetch(request)));
server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`Open http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
