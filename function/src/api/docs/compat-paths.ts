/** The compatible APIs, described as OpenAPI does; their own documentation says more. */

type Json = Readonly<Record<string, unknown>>;

const text = (description?: string) => ({ type: 'string', ...(description && { description }) });
const whole = (minimum: number, maximum?: number) => ({ type: 'integer', minimum, ...(maximum && { maximum }) });
const number = { type: 'number' };
const flag = { type: 'boolean' };
const file = { type: 'string', format: 'binary' };
const oneOf = (...values: string[]) => ({ type: 'string', enum: values });
const list = (items: Json) => ({ type: 'array', items });
const object = (properties: Json, required: string[] = []) => ({ type: 'object', required, properties });

const json = (schema: Json) => ({ content: { 'application/json': { schema } } });
const form = (schema: Json) => ({ content: { 'multipart/form-data': { schema } } });

interface Route {
  summary: string;
  body?: Json;
  answer: Json;
}

const operation = (tag: string, security: readonly Json[], { summary, body, answer }: Route, path: string): Json => ({
  tags: [tag],
  operationId: path.slice(1),
  summary,
  security,
  ...(path.includes('{id}') && { parameters: [{ name: 'id', in: 'path', required: true, schema: text() }] }),
  ...(body && { requestBody: { required: true, ...body } }),
  responses: { 200: { description: 'Done', ...json(answer) }, default: { description: 'Refused or failed' } },
});

const imageFields = {
  model: text('One of GET /v1/models; names that begin with dall-e or gpt-image mean the default'),
  n: whole(1, 16),
  size: text('auto, or width x height; a size that the model cannot draw becomes its own in that shape'),
  response_format: oneOf('url', 'b64_json'),
  output_format: oneOf('png', 'jpeg', 'webp'),
};
const drawingFields = {
  ...imageFields,
  negative_prompt: text(),
  steps: whole(1, 1000),
  seed: whole(0),
  guidance_scale: number,
};

const images = object({
  created: whole(0),
  data: list(object({ url: text(), b64_json: text(), seed: whole(0) })),
  size: text(),
  output_format: text(),
});
const model = object({ id: text(), object: text(), created: whole(0), owned_by: text() });

const openAiRoutes: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  '/v1/images/generations': {
    post: {
      summary: 'Draw pictures; takes all other fields of jobs.submit, too',
      body: json(object({ prompt: text(), ...drawingFields }, ['prompt'])),
      answer: images,
    },
  },
  '/v1/images/edits': {
    post: {
      summary: 'Draw the transparent places of a picture, or of its mask; or change an opaque picture',
      body: form(object({ image: file, mask: file, prompt: text(), ...drawingFields }, ['image', 'prompt'])),
      answer: images,
    },
  },
  '/v1/images/variations': {
    post: {
      summary: 'Draw pictures like another',
      body: form(object({ image: file, ...drawingFields }, ['image'])),
      answer: images,
    },
  },
  '/v1/models': {
    get: { summary: 'The models that the server has', answer: object({ object: text(), data: list(model) }) },
  },
  '/v1/models/{id}': { get: { summary: 'One model', answer: model } },
};

const a1111Fields = {
  prompt: text(),
  negative_prompt: text(),
  ...{ seed: { type: 'integer', minimum: -1 }, subseed: { type: 'integer', minimum: -1 }, subseed_strength: number },
  ...{ sampler_name: text(), scheduler: text(), steps: whole(1, 1000), cfg_scale: number },
  ...{ width: whole(64), height: whole(64), batch_size: whole(1, 16), n_iter: whole(1, 16) },
  ...{ eta: number, s_churn: number, s_tmin: number, s_tmax: number, s_noise: number },
  ...{
    override_settings: object({
      sd_model_checkpoint: text(),
      CLIP_stop_at_last_layers: whole(1, 12),
      skip_early_cond: number,
    }),
    send_images: flag,
  },
};
const hiresFields = {
  ...{ enable_hr: flag, hr_scale: number, hr_upscaler: oneOf('Latent', 'Lanczos', 'None') },
  ...{ hr_second_pass_steps: whole(0), denoising_strength: number },
};
const startFields = {
  init_images: list(text('A picture in base64')),
  ...{ denoising_strength: number, resize_mode: whole(0, 2), mask: text('A picture in base64'), mask_blur: number },
  ...{
    inpainting_fill: whole(0, 3),
    inpaint_full_res: flag,
    inpaint_full_res_padding: whole(0),
    inpainting_mask_invert: whole(0, 1),
  },
};
const drawn = object({ images: list(text('A picture in base64')), parameters: object({}), info: text('JSON') });
const options = object({
  sd_model_checkpoint: text(),
  CLIP_stop_at_last_layers: whole(1, 12),
  skip_early_cond: number,
  samples_format: text(),
  randn_source: text(),
});

const names: Readonly<Record<string, string>> = {
  samplers: 'The samplers, by the names that requests may use',
  schedulers: 'The schedules',
  upscalers: 'What enlarges pictures in the hires fix',
  'latent-upscale-modes': 'What enlarges latents in the hires fix',
  'sd-models': 'The models that the server has',
};

const a1111Routes: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  '/sdapi/v1/txt2img': {
    post: { summary: 'Draw pictures', body: json(object({ ...a1111Fields, ...hiresFields })), answer: drawn },
  },
  '/sdapi/v1/img2img': {
    post: {
      summary: 'Draw from a picture',
      body: json(object({ ...a1111Fields, ...startFields }, ['init_images'])),
      answer: drawn,
    },
  },
  '/sdapi/v1/progress': {
    get: {
      summary: "How far the caller's job is",
      answer: object({ progress: number, eta_relative: number, state: object({}), current_image: { type: 'null' } }),
    },
  },
  '/sdapi/v1/interrupt': { post: { summary: "Cancel the caller's job in work, or the next", answer: object({}) } },
  '/sdapi/v1/options': {
    get: { summary: 'The settings of the caller', answer: options },
    post: { summary: 'Change settings; unknown ones are ignored', body: json(options), answer: { type: 'null' } },
  },
  '/sdapi/v1/png-info': {
    post: {
      summary: 'What a picture says of how it was made',
      body: json(object({ image: text('A picture in base64') }, ['image'])),
      answer: object({ info: text(), items: object({}), parameters: object({}) }),
    },
  },
  ...Object.fromEntries(
    Object.entries(names).map(([name, summary]) => [
      `/sdapi/v1/${name}`,
      { get: { summary, answer: list(object({ name: text() })) } },
    ]),
  ),
};

const describe = (tag: string, security: readonly Json[], routes: typeof openAiRoutes): Json =>
  Object.fromEntries(
    Object.entries(routes).map(([path, methods]) => [
      path,
      Object.fromEntries(
        Object.entries(methods).map(([method, route]) => {
          const described = operation(tag, security, route, path);
          return [method, method === 'get' ? described : { ...described, operationId: `${path.slice(1)}:${method}` }];
        }),
      ),
    ]),
  );

/** Paths of an OpenAPI document, with a tag for each of the two APIs. */
export const compatPaths: Json = {
  ...describe('OpenAI', [{ key: [] }], openAiRoutes),
  ...describe('AUTOMATIC1111', [{ key: [] }, { password: [] }], a1111Routes),
};
