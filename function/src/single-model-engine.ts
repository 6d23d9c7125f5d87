import type { GenerateSettings, ModelInfo, SafetyPolicy, Timings } from '@safelight/sdk/contract';
import type { EmbeddingFolder } from './add-ons/embedding-folder.ts';
import type { FoundLora, LoraFolder } from './add-ons/loras/find-loras.ts';
import { batchValues, canDrawTogether } from './draw-together.ts';
import { createDrawingFloor } from './drawing-floor.ts';
import type { Engine, GenerateOptions, Generation } from './engine.ts';
import { FunctionError } from './errors.ts';
import { createModelCatalog, findModel } from './model-catalog.ts';
import type { DiffusionModel } from './pipeline/diffusion-model.ts';
import { gatherPredictions } from './pipeline/gather-predictions.ts';
import { generate } from './pipeline/generate.ts';
import { cacheEmbeddings } from './pipeline/prompt/cache-embeddings.ts';
import { createSessionHost, type SessionHost } from './runtime/session-host.ts';
import type { SessionSettings } from './runtime/session-protocol.ts';

export interface OpenOptions {
  /** Where the model's sessions live. */
  host: SessionHost;
  settings: Pick<SessionSettings, 'threads'>;
  /** To be added to the model's weights. */
  loras: readonly FoundLora[];
  /** Aborted when the engine is closed. */
  signal: AbortSignal;
  onPhase: NonNullable<GenerateOptions['onPhase']>;
}

export interface OpenedModel {
  model: DiffusionModel;
  /** Of the time it took, what went into fetching files. */
  downloadMs?: number;
}

/** A model that can be asked for by name. */
export interface OpenableModel {
  readonly info: ModelInfo;
  open(options: OpenOptions): Promise<OpenedModel>;
}

export interface PreparableEngine extends Engine {
  /** Opens the default model before anybody asks for it. What it takes counts for the first pictures made with it. */
  prepare(): Promise<void>;
}

type OpenTimings = Pick<Timings, 'loadMs' | 'downloadMs'>;

interface Loaded {
  opened: OpenableModel;
  /** Its LoRAs, with their weights: with others it is another model. */
  lorasKey: string;
  model: DiffusionModel;
  host: SessionHost;
}

export interface SingleModelOptions extends Pick<SessionSettings, 'threads'> {
  loras: LoraFolder;
  /** @defaultValue none */
  embeddings?: EmbeddingFolder;
  /** The least strict policy that callers can ask for. @defaultValue `flag` */
  leastSafety?: SafetyPolicy;
  /** How many generations of 512×512 are drawn together; of larger ones fewer. @defaultValue 1 */
  batch?: number | undefined;
}

/**
 * An engine that keeps one model open at a time, and draws together what it can, in the order in which it is asked. The next
 * generation begins while the last picture of the one before is decoded and put into a file.
 */
export function createSingleModelEngine(
  models: readonly OpenableModel[],
  defaultName: string,
  { loras, embeddings, leastSafety, batch = 1, ...settings }: SingleModelOptions,
): PreparableEngine {
  const catalog = createModelCatalog(
    models.map(({ info }) => info),
    defaultName,
    leastSafety,
  );
  let loaded: Loaded | undefined;
  /** What opening took, until a generation reports it. */
  let unreported: OpenTimings = { loadMs: 0 };
  /** Whoever waits for the model that is being opened, ahead of any generation, hears how far it is. */
  let listener: GenerateOptions['onPhase'];
  let turn: Promise<unknown> = Promise.resolve();
  const floor = createDrawingFloor(batch);
  const closing = new AbortController();

  async function open(wanted: OpenableModel, loras: readonly FoundLora[]): Promise<DiffusionModel> {
    const lorasKey = keyOf(loras);
    if (loaded?.opened === wanted && loaded.lorasKey === lorasKey && !loaded.host.isLost) return loaded.model;
    await floor.empty();
    await close();
    const start = performance.now();
    const host = createSessionHost();
    try {
      const { model, downloadMs } = await wanted.open({
        host,
        settings,
        loras,
        signal: closing.signal,
        onPhase: (phase) => listener?.(phase),
      });
      const loadMs = Math.max(0, performance.now() - start - (downloadMs ?? 0));
      unreported = { loadMs, ...(downloadMs === undefined ? {} : { downloadMs }) };
      loaded = { opened: wanted, lorasKey, model: forMany(cacheEmbeddings(model)), host };
      return loaded.model;
    } catch (error) {
      await host.close();
      throw error;
    }
  }

  async function close(): Promise<void> {
    await loaded?.host.close();
    loaded = undefined;
  }

  const forMany = (model: DiffusionModel) => (batch > 1 ? gatherPredictions(model, batchValues(batch)) : model);

  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  }

  /** Pictures of an open model. */
  function draw(model: DiffusionModel, wanted: GenerateSettings, options: GenerateOptions): Promise<Generation> {
    const openTimings = unreported;
    unreported = { loadMs: 0 };
    return floor.run(wanted, async (leave) => {
      const named = await embeddings?.read();
      const onDrawn = () => {
        leave();
        options.onDrawn?.();
      };
      const generation = await generate(model, wanted, { ...options, onDrawn, ...(named && { embeddings: named }) });
      return { ...generation, timings: { ...generation.timings, ...openTimings } };
    });
  }

  return {
    ...catalog,
    canDrawTogether: (all) => canDrawTogether(all, batch),
    loras: () => loras.list(),
    ...(embeddings && { embeddings: () => embeddings.read() }),
    prepare: () => inTurn(async () => void (await open(findModel(models, catalog.defaultModel), []))),
    generate(wanted, options = {}) {
      const { signal, onPhase } = options;
      let isDrawing = false;
      listener = onPhase;
      const begun = inTurn(async () => {
        signal?.throwIfAborted();
        await floor.roomFor(wanted);
        signal?.throwIfAborted();
        listener = onPhase;
        const model = await open(findModel(models, wanted.model), await loras.find(wanted));
        signal?.throwIfAborted();
        isDrawing = true;
        // Not waited for: the next one in turn may be drawn beside it.
        return { generation: draw(model, wanted, options) };
      });
      const result = begun.then(({ generation }) => generation);
      // Opening goes on for whoever comes next, but nobody has to wait for it who wants to stop.
      return untilAborted(result, signal, () => !isDrawing);
    },
    async close() {
      closing.abort(new FunctionError('unavailable', 'The engine has been closed.'));
      await close();
    },
  };
}

function keyOf(loras: readonly FoundLora[]): string {
  return JSON.stringify(
    loras.map(({ name, sha256, unetWeight, textEncoderWeight }) => [name, sha256, unetWeight, textEncoderWeight]),
  );
}

/** @throws the signal's reason at once when it aborts while `isWaiting`. */
function untilAborted<Result>(
  result: Promise<Result>,
  signal: AbortSignal | undefined,
  isWaiting: () => boolean,
): Promise<Result> {
  if (signal === undefined) return result;
  return new Promise((resolve, reject) => {
    const onAbort = () => void (isWaiting() && reject(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
    result.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
