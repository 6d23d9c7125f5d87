import type { ModelInfo, SafetyPolicy, Timings } from '@safelight/sdk/contract';
import type { EmbeddingFolder } from './add-ons/embedding-folder.ts';
import type { FoundLora, LoraFolder } from './add-ons/loras/find-loras.ts';
import type { Engine, GenerateOptions } from './engine.ts';
import { FunctionError } from './errors.ts';
import { createModelCatalog, findModel } from './model-catalog.ts';
import type { DiffusionModel } from './pipeline/diffusion-model.ts';
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
}

/**
 * An engine that keeps one model open at a time, and draws one generation at a time: the next one begins while the last
 * picture of the one before is decoded and put into a file.
 */
export function createSingleModelEngine(
  models: readonly OpenableModel[],
  defaultName: string,
  { loras, embeddings, leastSafety, ...settings }: SingleModelOptions,
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
  /** Generations that use the open model. */
  const running = new Set<Promise<unknown>>();
  const closing = new AbortController();

  async function open(wanted: OpenableModel, loras: readonly FoundLora[]): Promise<DiffusionModel> {
    const lorasKey = keyOf(loras);
    if (loaded?.opened === wanted && loaded.lorasKey === lorasKey && !loaded.host.isLost) return loaded.model;
    await Promise.allSettled(running);
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
      loaded = { opened: wanted, lorasKey, model: cacheEmbeddings(model), host };
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

  /** Begins when the work before has ended or let the next one begin. */
  function inTurn<Result>(work: (letNext: () => void) => Promise<Result>): Promise<Result> {
    const previous = turn;
    let result: Promise<Result> | undefined;
    turn = new Promise<void>((letNext) => {
      result = previous.then(() => work(letNext));
      result.then(
        () => letNext(),
        () => letNext(),
      );
    });
    return result as Promise<Result>;
  }

  /** The model stays open for it. */
  function counted<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = work().finally(() => running.delete(result));
    running.add(result);
    return result;
  }

  return {
    ...catalog,
    loras: () => loras.list(),
    ...(embeddings && { embeddings: () => embeddings.read() }),
    prepare: () => inTurn(async () => void (await open(findModel(models, catalog.defaultModel), []))),
    generate(wanted, options = {}) {
      const { signal, onPhase, onDrawn } = options;
      let isDrawing = false;
      listener = onPhase;
      const result = inTurn(async (letNext) => {
        signal?.throwIfAborted();
        listener = onPhase;
        const model = await open(findModel(models, wanted.model), await loras.find(wanted));
        signal?.throwIfAborted();
        isDrawing = true;
        const openTimings = unreported;
        unreported = { loadMs: 0 };
        const generation = await counted(async () => {
          const named = await embeddings?.read();
          return generate(model, wanted, {
            ...options,
            ...(named && { embeddings: named }),
            onDrawn() {
              letNext();
              onDrawn?.();
            },
          });
        });
        return { ...generation, timings: { ...generation.timings, ...openTimings } };
      });
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
