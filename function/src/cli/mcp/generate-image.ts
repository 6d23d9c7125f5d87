import type { CallToolResult, ServerContext } from '@modelcontextprotocol/server';
import { generateInputSchema, imageFormatSchema, type Phase } from '@safelight/sdk/contract';
import * as z from 'zod/mini';
import type { Drawer, DrawnImage } from '../draw.ts';
import { parseInput } from '../generate-input.ts';
import { describePhase, progressOf } from '../progress-bar.ts';
import type { OutputFolder } from './output-folder.ts';
import type { DescribedInput } from './tool-input.ts';

const MAX_COUNT = 4;
/** Clients refuse messages of more than 10 MB, and base64 makes three bytes four. */
const MAX_SENT_BYTES = 7_000_000;

const countError = `count must be a whole number from 1 to ${MAX_COUNT}`;
const picked = z.pick(generateInputSchema, {
  prompt: true,
  negativePrompt: true,
  model: true,
  width: true,
  height: true,
  steps: true,
  guidanceScale: true,
  sampler: true,
  seed: true,
});
const schema = z.extend(picked, {
  count: z._default(
    z.number(countError).check(z.int(countError), z.minimum(1, countError), z.maximum(MAX_COUNT, countError)),
    1,
  ),
  // Assistants take about a megabyte at a time.
  format: z._default(imageFormatSchema, 'webp'),
});

/** Input of `generate_image`: part of the contract's, by the same names. */
export const generateImageInput: DescribedInput<typeof schema> = {
  schema,
  descriptions: {
    prompt: 'What the picture shows. list_models says of some models that they draw only certain things.',
    negativePrompt: 'What it should not show.',
    model: 'One of list_models; absent, the default.',
    width: 'Pixels, a multiple of 8; absent, what the model was trained at.',
    height: 'Pixels, a multiple of 8; absent, what the model was trained at.',
    steps: "Denoising steps: more take longer. Absent, the model's default.",
    guidanceScale: "How closely to follow the prompt; 1 switches guidance off. Absent, the model's default.",
    sampler: "Such as euler, euler_a, dpmpp_2m or ddim. Absent, the model's default.",
    seed: 'The same seed gives the same picture; absent, one is chosen. Picture i has seed + i.',
    count: 'How many pictures.',
    format: 'The kind of file.',
  },
};

export interface GenerateImageOptions {
  drawer: Drawer;
  output: OutputFolder | undefined;
  context: ServerContext;
}

/**
 * Draws, and hands out the pictures and after them what they were drawn with.
 * @throws FunctionError `invalid_input` naming the field; whatever drawing throws.
 */
export async function generateImage(
  typed: Record<string, unknown>,
  { drawer, output, context }: GenerateImageOptions,
): Promise<CallToolResult> {
  const input = parseInput(schema, typed);
  const { settings, warnings, images } = await drawer.draw(input, {
    signal: context.mcpReq.signal,
    onPhase: createProgressReport(context),
  });
  const mimeType = `image/${settings.format}`;
  const content: CallToolResult['content'] = [];
  const described: object[] = [];
  let sentBytes = 0;
  for (const { data, seed, width, height, safety } of images) {
    const file = await output?.save(data, seed, settings.format);
    const isSent = sentBytes + data.length <= MAX_SENT_BYTES;
    if (isSent) {
      sentBytes += data.length;
      content.push({ type: 'image', data: toBase64(data), mimeType });
    }
    const note = isSent ? undefined : 'Too large to be shown beside the others: ask for fewer, smaller ones, or webp.';
    described.push({ seed, width, height, file, safety, note });
  }
  content.push({ type: 'text', text: JSON.stringify({ images: described, settings, warnings }) });
  return { content };
}

const toBase64 = (data: DrawnImage['data']) =>
  Buffer.from(data.buffer, data.byteOffset, data.length).toString('base64');

/** Tells the client how far drawing is, if it wants to know. The protocol wants each number to be higher than the last. */
function createProgressReport({ mcpReq }: ServerContext): (phase: Phase) => void {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return () => {};
  let last = -1;
  return (phase) => {
    const progress = progressOf(phase);
    if (progress <= last || mcpReq.signal.aborted) return;
    last = progress;
    const params = { progressToken, progress, total: 1, message: describePhase(phase) };
    // A client that has gone is noticed elsewhere.
    mcpReq.notify({ method: 'notifications/progress', params }).catch(() => {});
  };
}
