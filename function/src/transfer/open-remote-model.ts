import { readFile } from 'node:fs/promises';
import { type GraphName, graphFile, type Manifest, TOKENIZER_FILE, weightsFile } from '../bundle/manifest.ts';
import type { Bundle } from '../bundle/open-bundle.ts';
import { FunctionError } from '../errors.ts';
import type { DiffusionModel } from '../pipeline/diffusion-model.ts';
import { openModel } from '../runtime/open-model.ts';
import type { SessionHost } from '../runtime/session-host.ts';
import type { SessionSettings } from '../runtime/session-protocol.ts';
import { createTimeline, type Timeline } from '../timeline.ts';
import { createArrivals } from './arrivals.ts';
import { type PullBundleParams, type PulledBundle, pullBundle } from './pull-bundle.ts';

export interface OpenRemoteModelParams extends Omit<PullBundleParams, 'onFileStart' | 'onFileReady'> {
  host: SessionHost;
  settings?: SessionSettings;
  /** Gets what was fetched when: `fetch.unet`, and when sessions were made: `create.unet`, `warm_up.text_encoder`. */
  timeline?: Timeline | undefined;
}

export interface RemoteModel {
  model: DiffusionModel;
  /** Files that the first picture does not need may still be arriving. Its failure is no unhandled rejection. */
  pulled: Promise<PulledBundle>;
}

/**
 * Pulls a bundle and creates its sessions as their files arrive: the text encoder's while the UNet is still on its way,
 * and uses what is left of that time to warm it up.
 * @throws FunctionError as `pullBundle`, or what a session failed with; either ends the other.
 */
export async function openRemoteModel(openParams: OpenRemoteModelParams): Promise<RemoteModel> {
  const { host, settings, timeline = createTimeline(), ...params } = openParams;
  const starts = new Map<string, number>();
  const arrivals = createArrivals();
  const stop = new AbortController();
  const signal = params.signal === undefined ? stop.signal : AbortSignal.any([params.signal, stop.signal]);
  let opened: Promise<DiffusionModel> | undefined;
  const pulled = pullBundle({
    ...params,
    signal,
    onManifest(manifest) {
      params.onManifest?.(manifest);
      opened = openArriving(manifest);
      opened.catch((error: unknown) => stop.abort(error));
    },
    onFileStart: (file) => void starts.set(file, timeline.now()),
    onFileReady(ready) {
      const startMs = starts.get(ready.file);
      const [, component] = /^(.*)\.weights$/.exec(ready.file) ?? [];
      if (startMs !== undefined && component !== undefined)
        timeline.add({ name: `fetch.${component}`, startMs, endMs: timeline.now() });
      arrivals.arrive(ready);
      // Sessions open files by their path: it must not change before they have.
      return opened?.then(
        () => undefined,
        () => undefined,
      );
    },
  });
  pulled.then(({ folder }) => arrivals.moveTo(folder), arrivals.fail);
  // Without a manifest there is no model, and the pull says why.
  const model = await Promise.race([pulled.then(() => opened), whenModel()]);
  if (model === undefined) throw new Error('The pull ended without a manifest');
  return { model, pulled };

  async function whenModel(): Promise<DiffusionModel> {
    await arrivals.when(TOKENIZER_FILE);
    return opened ?? new Promise(() => undefined);
  }

  /** Whether what runs now runs for nothing: pictures need the UNet. */
  function isWarmingUp(): boolean {
    return !arrivals.has(weightsFile('unet'));
  }

  function openArriving(manifest: Manifest): Promise<DiffusionModel> {
    const when = async (file: string) => {
      // The pull waits for the sessions: they must not wait for what it does not bring.
      if (Object.hasOwn(manifest.files, file)) return arrivals.when(file);
      throw new FunctionError('model_corrupt', `The bundle has no ${file}: compile the model again and push it.`);
    };
    return openModel(arrivingBundle(manifest, when), waitingHost(host, when, { timeline, isWarmingUp }), {
      ...settings,
      shouldWarmUp: isWarmingUp,
    });
  }
}

type WhenFile = (file: string) => Promise<string>;

function arrivingBundle(manifest: Manifest, when: WhenFile): Bundle {
  return {
    manifest,
    // The host below asks where that is.
    graphPath: graphFile,
    readTokenizerJson: async () => JSON.parse(await readFile(await when(TOKENIZER_FILE), 'utf8')),
  };
}

function waitingHost(
  host: SessionHost,
  when: WhenFile,
  { timeline, isWarmingUp }: { timeline: Timeline; isWarmingUp: () => boolean },
): SessionHost {
  return {
    async load(session, graph, settings) {
      await when(weightsFile(graph.replace(/\.onnx$/, '') as GraphName));
      const path = await when(graph);
      await timeline.measure(`create.${session}`, () => host.load(session, path, settings));
    },
    run(session, ...command) {
      if (!isWarmingUp()) return host.run(session, ...command);
      return timeline.measure(`warm_up.${session}`, () => host.run(session, ...command));
    },
    get isLost() {
      return host.isLost;
    },
    close: () => host.close(),
  };
}
