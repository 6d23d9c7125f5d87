/** The command as assistants start it: a process of its own, spoken to by the protocol's own client. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type CallToolResult, Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import sharp from 'sharp';
import { sharedCacheDir, temporaryFolder } from '../../support/embedded-model.ts';
import { cliCommand, finish, runCli } from '../../support/run-cli.ts';
import { serve } from '../api/serve-fixture.ts';
import { createFakeEngine } from '../jobs/fake-engine.ts';

interface Assistant {
  client: Client;
  /** What the client could not read, which is anything but the protocol. */
  errors: Error[];
  stderr: () => string;
}

async function connect(
  t: TestContext,
  args: readonly string[] = [],
  { env = {}, mode = 'legacy' }: { env?: Record<string, string>; mode?: 'legacy' | 'auto' } = {},
): Promise<Assistant> {
  const [command, ...start] = cliCommand(['mcp', ...args]);
  const { PATH = '', HOME = '' } = process.env;
  const transport = new StdioClientTransport({
    command,
    args: start,
    env: { PATH, HOME, SAFELIGHT_CACHE_DIR: sharedCacheDir, ...env },
    stderr: 'pipe',
  });
  let stderr = '';
  transport.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
  const errors: Error[] = [];
  // What was on its way when a call was cancelled is no error.
  client.onerror = (error) => void (/unknown token/.test(error.message) || errors.push(error));
  await client.connect(transport);
  t.after(() => client.close());
  return { client, errors, stderr: () => stderr };
}

const quick = { prompt: 'a fox', steps: 4, width: 64, height: 64, seed: 7, sampler: 'ddim' };

/** The one text of a result, as JSON. */
function readText({ content }: CallToolResult) {
  const texts = content.filter((block) => block.type === 'text');
  assert.equal(texts.length, 1);
  return JSON.parse(texts[0]?.text ?? '');
}

const readImages = ({ content }: CallToolResult) =>
  content
    .filter((block) => block.type === 'image')
    .map(({ data, mimeType }) => [Buffer.from(data, 'base64'), mimeType] as const);

test('an assistant lists models, draws with progress, and reads how a picture was made', async (t) => {
  const folder = await temporaryFolder(t);
  const { client, errors } = await connect(t, ['--output', folder]);
  const { tools } = await client.listTools();
  assert.deepEqual(
    tools.map(({ name }) => name),
    ['generate_image', 'list_models', 'read_image_settings'],
  );
  const { properties = {}, required } = tools[0]?.inputSchema ?? {};
  assert.deepEqual(required, ['prompt']);
  assert.deepEqual(properties.count, {
    type: 'integer',
    minimum: 1,
    maximum: 4,
    default: 1,
    description: 'How many pictures.',
  });
  for (const property of Object.values(properties)) assert.ok((property as { description?: string }).description);

  const models = readText(await client.callTool({ name: 'list_models' }));
  assert.deepEqual([models[0].name, models[0].defaults.width], ['mini', 128]);

  const progress: { progress: number; message?: string | undefined }[] = [];
  const result = await client.callTool(
    { name: 'generate_image', arguments: { ...quick, count: 2 } },
    { onprogress: (update) => progress.push(update) },
  );
  const { images, settings } = readText(result);
  assert.deepEqual(
    images.map(({ seed, width, file }: { seed: number; width: number; file: string }) => [seed, width, file]),
    [
      [7, 64, 'safelight-7.webp'],
      [8, 64, 'safelight-8.webp'],
    ],
  );
  assert.deepEqual([settings.prompt, settings.steps, settings.seed, settings.sampler], ['a fox', 4, 7, 'ddim']);
  const pictures = readImages(result);
  assert.equal(pictures.length, 2);
  for (const [index, [data, mimeType]] of pictures.entries()) {
    assert.equal(mimeType, 'image/webp');
    assert.equal((await sharp(data).metadata()).width, 64);
    assert.deepEqual(await readFile(join(folder, images[index].file)), data);
  }
  const steps = progress.filter(({ message }) => /step \d of 4/.test(message ?? ''));
  assert.deepEqual(
    steps.map(({ message }) => message),
    [1, 2].flatMap((n) => [1, 2, 3, 4].map((step) => `picture ${n} of 2, step ${step} of 4`)),
  );
  assert.ok(
    progress.every(({ progress: value }, index) => index === 0 || value > (progress[index - 1]?.progress ?? 0)),
  );

  const read = readText(
    await client.callTool({ name: 'read_image_settings', arguments: { file: 'safelight-8.webp' } }),
  );
  assert.deepEqual([read.prompt, read.values.Seed, read.values.Steps], ['a fox', '8', '4']);
  const sent = { image: pictures[0]?.[0].toString('base64') };
  assert.equal(readText(await client.callTool({ name: 'read_image_settings', arguments: sent })).values.Seed, '7');
  // The same again has the same bytes, and writes over nothing.
  const again = await client.callTool({ name: 'generate_image', arguments: quick });
  assert.deepEqual(readImages(again)[0], pictures[0]);
  assert.deepEqual((await readdir(folder)).sort(), ['safelight-7-2.webp', 'safelight-7.webp', 'safelight-8.webp']);
  assert.deepEqual(errors, []);
});

test('what is wrong is told as a tool error in the contract’s words, and the next call works', async (t) => {
  const parent = await temporaryFolder(t);
  const folder = join(parent, 'pictures');
  await mkdir(folder);
  await writeFile(join(parent, 'secret.png'), 'secret');
  await symlink(join(parent, 'secret.png'), join(folder, 'link.png'));
  // Clients of today's revision of the protocol are served as those before it.
  const { client, errors } = await connect(t, ['-o', folder], { mode: 'auto' });
  const fail = async (name: string, args: Record<string, unknown>) => {
    const result = await client.callTool({ name, arguments: args });
    assert.equal(result.isError, true, JSON.stringify(result));
    return readText(result).error;
  };
  assert.deepEqual(await fail('generate_image', { prompt: 'a fox', steps: 0 }), {
    code: 'invalid_input',
    message: 'steps must be a whole number from 1 to 1000',
    field: 'steps',
  });
  assert.match((await fail('generate_image', { prompt: 'a fox', count: 5 })).message, /count must be .* from 1 to 4/);
  assert.match((await fail('generate_image', { prompt: 'a fox', webhook: 'x' })).message, /unknown field: webhook/);
  assert.equal((await fail('generate_image', { prompt: 'a fox', model: 'none' })).code, 'model_not_found');
  assert.equal((await fail('generate_image', {})).field, 'prompt');
  for (const file of [
    '../secret.png',
    '/etc/passwd',
    join(parent, 'secret.png'),
    '..',
    'link.png',
    'none.png',
    'a\\b.png',
  ])
    assert.equal((await fail('read_image_settings', { file })).field, 'file', file);
  assert.equal((await fail('read_image_settings', { image: 'not base64!' })).field, 'image');
  assert.equal((await fail('read_image_settings', {})).code, 'invalid_input');
  assert.equal(
    (await client.callTool({ name: 'generate_image', arguments: { ...quick, steps: 1 } })).isError,
    undefined,
  );
  assert.deepEqual(errors, []);
});

test('a call that is cancelled stops drawing', async (t) => {
  const { client } = await connect(t);
  const controller = new AbortController();
  let steps = 0;
  const onprogress = () => {
    steps += 1;
    if (steps === 3) controller.abort();
  };
  const slow = { ...quick, steps: 1000 };
  const call = client.callTool({ name: 'generate_image', arguments: slow }, { signal: controller.signal, onprogress });
  await assert.rejects(call);
  // Only a drawing that has stopped lets the next one begin: the engine works on one at a time.
  const next = await client.callTool({ name: 'generate_image', arguments: quick }, { timeout: 30_000 });
  assert.equal(readText(next).images[0].seed, 7);
});

test('standard output has the protocol alone, and a client that leaves in the middle ends the work', async (t) => {
  const missing = await runCli(['mcp', '--output', join(await temporaryFolder(t), 'none')]);
  assert.deepEqual([missing.exit, missing.stdout], [2, '']);
  assert.match(missing.stderr, /^safelight: Cannot write into the folder /);

  const [command, ...args] = cliCommand(['mcp']);
  const child = spawn(command, args, { env: { ...process.env, SAFELIGHT_CACHE_DIR: sharedCacheDir } });
  const send = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const clientInfo = { name: 'raw', version: '1' };
  send({ id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo } });
  send({ method: 'notifications/initialized' });
  const call = { name: 'generate_image', arguments: { ...quick, steps: 1000 }, _meta: { progressToken: 'p' } };
  send({ id: 2, method: 'tools/call', params: call });
  child.stdout.on('data', (chunk: Buffer) => {
    if (chunk.includes('step 2 of 1000')) child.stdin.end();
  });
  const { exit, stdout, stderr } = await finish(child);
  assert.equal(exit, 0, stderr);
  const messages = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(messages[0].result.serverInfo.name, 'safelight');
  assert.ok(messages.slice(1).every(({ method }) => method === 'notifications/progress'));
  assert.ok(messages.length < 500, `${messages.length} messages: the drawing went on`);
});

test('with an endpoint it draws there, and cancels there', async (t) => {
  const key = 'a-key-that-nobody-guesses';
  await using opened = await serve(createFakeEngine({ stepMs: 20 }), { apiKeys: [key] });
  const env = { SAFELIGHT_ENDPOINT: opened.server.url, SAFELIGHT_API_KEY: key };
  const { client, errors } = await connect(t, [], { env });
  const result = await client.callTool({ name: 'generate_image', arguments: { prompt: 'a fox', seed: 3, steps: 2 } });
  assert.equal(readText(result).settings.model, 'fake');
  assert.equal(readImages(result)[0]?.[0].length, 10_000);

  const controller = new AbortController();
  const call = client.callTool(
    { name: 'generate_image', arguments: { prompt: 'a fox', steps: 500 } },
    { signal: controller.signal, onprogress: ({ progress }) => progress > 0 && controller.abort() },
  );
  await assert.rejects(call);
  for (;;) {
    const events = opened.log.filter((line) => /"event":"job_(canceled|succeeded)"/.test(line));
    if (events.length === 2) {
      assert.match(events[1] ?? '', /job_canceled/);
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.deepEqual(errors, []);

  const refused = await connect(t, [], { env: { ...env, SAFELIGHT_API_KEY: 'another-key-that-is-wrong' } });
  const { error } = readText(await refused.client.callTool({ name: 'generate_image', arguments: quick }));
  assert.equal(error.code, 'unauthorized');
  assert.ok(!refused.stderr().includes('another-key'));
});
