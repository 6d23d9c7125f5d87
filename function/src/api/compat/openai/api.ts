import type { Context } from 'hono';
import { readJobImages } from '../../job-procedures.ts';
import { type CompatApi, type CompatEnv, createRoutes } from '../compat-api.ts';
import { type ParseOptions, parseFields } from '../compat-input.ts';
import { drawNow, type SucceededJob } from '../draw-now.ts';
import { fitShape, type Size } from '../fit-size.ts';
import { toBase64 } from '../pictures.ts';
import { type Body, readForm, readJson } from '../read-body.ts';
import { toOpenAiError } from './errors.ts';
import { readFile, readImage, textFieldsOf } from './form-fields.ts';
import { type ImageRequest, type ResponseFormat, readImageRequest, sizeFields } from './image-input.ts';
import { answersInBase64, findModel, toModelObject } from './models.ts';
import { keepEditedPicture } from './start-picture.ts';
import { variationFields } from './variation.ts';

/** OpenAI's images and models: https://platform.openai.com/docs/api-reference/images */
export const createOpenAiApi = (): CompatApi => {
  const app = createRoutes('/v1');

  app.post('/images/generations', async (c) => {
    const body = await readJson(c.req.raw);
    return await draw(c, body, readImageRequest(body));
  });

  app.post('/images/edits', async (c) => {
    const form = await readForm(c.req.raw);
    return await drawFromPicture(c, form, async (image) => {
      const { fields, ...size } = await keepEditedPicture(c.env.context, image, await readFile(form, 'mask'));
      return { size, fields };
    });
  });

  app.post('/images/variations', async (c) => {
    const form = await readForm(c.req.raw);
    return await drawFromPicture(c, form, async (image) => {
      const { fields, ...size } = await keepEditedPicture(c.env.context, image);
      const own = await variationFields(image);
      return { size, fields: { initImage: fields.initImage, ...own }, allowsEmptyPrompt: true };
    });
  });

  app.get('/models', (c) => {
    const data = c.env.context.services.engine.models().map(({ name }) => toModelObject(name));
    return c.json({ object: 'list', data });
  });

  app.get('/models/:id', (c) => {
    const id = c.req.param('id');
    findModel(c.env.context.services.engine, id);
    return c.json(toModelObject(id));
  });

  return { prefix: '/v1/', app, readAuthorization: (authorization) => authorization, toErrorResponse: toOpenAiError };
};

interface Start extends ParseOptions {
  /** Of the picture. */
  size: Size;
  fields: ImageRequest['fields'];
}

/** What the caller says stands before what the picture suggests, the picture's shape among it. */
const drawFromPicture = async (
  c: Context<CompatEnv>,
  form: FormData,
  readStart: (image: Uint8Array) => Promise<Start>,
): Promise<Response> => {
  const body = textFieldsOf(form);
  const request = readImageRequest(body);
  // Before anything is kept.
  const model = findModel(c.env.context.services.engine, body.model);
  const { size, fields, ...options } = await readStart(await readImage(form));
  const all = { ...fitShape(size, model), ...fields, ...request.fields };
  return await draw(c, body, { ...request, fields: all }, options);
};

const draw = async (
  c: Context<CompatEnv>,
  body: Body,
  request: ImageRequest,
  options?: ParseOptions,
): Promise<Response> => {
  const { context } = c.env;
  const { signal } = c.req.raw;
  const model = findModel(context.services.engine, body.model);
  const fields = { ...request.fields, ...sizeFields(request.size, model), model: model.name };
  const input = parseFields(fields, options);
  const job = await drawNow(context, input, { signal, idempotencyKey: c.req.header('idempotency-key') });
  const format = request.responseFormat ?? (answersInBase64(body.model) ? 'b64_json' : 'url');
  return c.json(toImagesResponse(job, await readData(format)));

  async function readData(responseFormat: ResponseFormat): Promise<({ url: string } | { b64_json: string })[]> {
    if (responseFormat === 'url') return job.images.map(({ url }) => ({ url }));
    return (await readJobImages(context, job.id, signal)).map(({ data }) => ({ b64_json: toBase64(data) }));
  }
};

const toImagesResponse = ({ createdAt, settings, images }: SucceededJob, data: object[]) => {
  const [first] = images;
  const size: Size = first ?? settings;
  return {
    created: Math.floor(Date.parse(createdAt) / 1000),
    // Seeds are ours: with one of them the same picture can be drawn again.
    data: data.map((image, i) => ({ ...image, seed: images[i]?.seed })),
    size: `${size.width}x${size.height}`,
    output_format: settings.format,
    background: 'opaque',
  };
};
