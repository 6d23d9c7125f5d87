import type { Context } from 'hono';
import type { ApiContext } from '../../api-context.ts';
import { cancelJob, readJobImages } from '../../job-procedures.ts';
import { type CompatApi, type CompatEnv, createRoutes } from '../compat-api.ts';
import { parseFields } from '../compat-input.ts';
import { drawNow } from '../draw-now.ts';
import { type Body, readJson } from '../read-body.ts';
import { toAnswer } from './answer.ts';
import { readBasicAuthorization } from './authorization.ts';
import { drawingFields } from './drawing-fields.ts';
import { toA1111Error } from './errors.ts';
import { hiresFields } from './hires-fields.ts';
import {
  EMPTY_LISTS,
  listEmbeddings,
  listLatentUpscaleModes,
  listLoras,
  listModels,
  listSamplers,
  listSchedulers,
  listUpscalers,
} from './lists.ts';
import { modelOf, readOptions, toOptionsBody } from './options.ts';
import { readPngInfo } from './png-info.ts';
import { currentJob, toProgress } from './progress.ts';
import { createSessions, type Session } from './sessions.ts';
import { startFields } from './start-fields.ts';

/** The API of AUTOMATIC1111's web UI (`modules/api` there), as far as it goes with Stable Diffusion v1. */
export const createA1111Api = (now: () => number = Date.now): CompatApi => {
  const app = createRoutes('/sdapi/v1');
  const sessionOf = createSessions();
  const sessionIn = (c: Context<CompatEnv>): Session => sessionOf(c.env.context.owner);

  app.post('/txt2img', async (c) => await draw(c, sessionIn(c), async (_, body) => hiresFields(body)));
  app.post('/img2img', async (c) => await draw(c, sessionIn(c), startFields));
  app.post('/png-info', async (c) => c.json(await readPngInfo(await readJson(c.req.raw))));
  app.get('/progress', (c) => c.json(toProgress(sessionIn(c), now())));

  const interrupt = async (c: Context<CompatEnv>): Promise<Response> => {
    const job = currentJob(sessionIn(c));
    if (job !== undefined) await cancelJob(c.env.context, job.id);
    return c.json({});
  };
  app.post('/interrupt', interrupt);
  // It ends the picture in work, which is the whole of a job here.
  app.post('/skip', interrupt);

  app.get('/options', (c) => c.json(toOptionsBody(sessionIn(c).options, c.env.context.services.engine)));
  app.post('/options', async (c) => {
    const session = sessionIn(c);
    session.options = { ...session.options, ...readOptions(c.env.context.services.engine, await readJson(c.req.raw)) };
    return c.json(null);
  });

  app.get('/samplers', (c) => c.json(listSamplers()));
  app.get('/schedulers', (c) => c.json(listSchedulers()));
  app.get('/upscalers', (c) => c.json(listUpscalers()));
  app.get('/latent-upscale-modes', (c) => c.json(listLatentUpscaleModes()));
  app.get('/sd-models', (c) => c.json(listModels(c.env.context.services.engine.models())));
  app.get('/loras', async (c) => c.json(listLoras((await c.env.context.services.engine.loras?.()) ?? [])));
  app.get('/embeddings', async (c) =>
    c.json(listEmbeddings((await c.env.context.services.engine.embeddings?.()) ?? [])),
  );
  for (const [path, list] of Object.entries(EMPTY_LISTS)) app.get(`/${path}`, (c) => c.json(list as object));
  // There is nothing to refresh: models are found when the server starts, LoRAs and embeddings whenever they are wanted.
  for (const path of ['refresh-checkpoints', 'refresh-vae', 'refresh-loras', 'refresh-embeddings'])
    app.post(`/${path}`, (c) => c.json(null));

  return { prefix: '/sdapi/v1/', app, readAuthorization: readBasicAuthorization, toErrorResponse: toA1111Error };
};

/** @param readStart what the request says of the picture to start from, or of the enlarging run. */
const draw = async (
  c: Context<CompatEnv>,
  { options, jobs }: Session,
  readStart: (context: ApiContext, body: Body) => Promise<Readonly<Record<string, unknown>>>,
): Promise<Response> => {
  const { context } = c.env;
  const { signal } = c.req.raw;
  const { engine } = context.services;
  const body = await readJson(c.req.raw);
  const effective = { ...options, ...readOptions(engine, (body.override_settings ?? {}) as Body) };
  const fields = drawingFields(body, modelOf(effective, engine), effective);
  const input = parseFields({ ...fields, ...(await readStart(context, body)) }, { allowsEmptyPrompt: true });
  let id: string | undefined;
  try {
    const job = await drawNow(context, input, {
      signal,
      idempotencyKey: c.req.header('idempotency-key'),
      onUpdate(update) {
        id = update.id;
        jobs.set(id, update);
      },
    });
    const files = (await readJobImages(context, job.id, signal)).map(({ data }) => data);
    return c.json(await toAnswer(job, body, files));
  } finally {
    if (id !== undefined) jobs.delete(id);
  }
};
