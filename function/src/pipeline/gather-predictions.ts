import { setImmediate as nextTurn } from 'node:timers/promises';
import { FunctionError } from '../errors.ts';
import { concat, type Tensor, tensor } from '../runtime/tensor.ts';
import type { DeepFeatures } from './deep-cache.ts';
import type { DiffusionModel } from './diffusion-model.ts';

type Model = Pick<DiffusionModel, 'predictNoise'>;

/** A prediction that somebody waits for. */
interface Call {
  readonly latents: Tensor;
  readonly timestep: number;
  readonly promptEmbeddings: Tensor;
  readonly deep: DeepFeatures | undefined;
  resolve(prediction: Tensor): void;
  reject(error: unknown): void;
}

/**
 * The same model, for several generations at once: predictions of noise that are asked for while another is made share the
 * next run of the UNet, where their latents and prompts are of equal shape, and all of them or none reuse deep features.
 * Whose prediction is made together with whose changes nothing in it: each generation keeps its own sampler, seed, prompts,
 * guidance, deep features and step, begins when it likes, and leaves by asking no more. Nobody is waited for but those who
 * have just been answered, for one turn of the event loop, in which their samplers come to the next step.
 *
 * @param maxValues Of latents, repeated for each prompt, in one run: bounds its memory. A single call may have more. What the
 * runtime then still has no memory for is run in halves, and nothing as large is tried again.
 */
export function gatherPredictions<Given extends Model>(model: Given, maxValues: number): Given {
  const waiting: Call[] = [];
  let isRunning = false;
  let limit = maxValues;

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      await nextTurn();
      await answer(takeAlike(waiting, limit));
    }
    isRunning = false;
  }

  async function answer(calls: readonly Call[]): Promise<void> {
    try {
      const predictions = await predict(model, calls);
      for (const [i, { resolve }] of calls.entries()) resolve(predictions[i] as Tensor);
    } catch (error) {
      const isTooMuch = error instanceof FunctionError && error.code === 'out_of_memory';
      if (!isTooMuch || calls.length === 1) {
        for (const { reject } of calls) reject(error);
        return;
      }
      const half = Math.ceil(calls.length / 2);
      limit = calls.slice(0, half).reduce((sum, call) => sum + valuesOf(call), 0);
      await answer(calls.slice(0, half));
      await answer(calls.slice(half));
    }
  }

  return {
    ...model,
    predictNoise: (latents, timestep, promptEmbeddings, deep) =>
      new Promise<Tensor>((resolve, reject) => {
        if (typeof timestep !== 'number') return reject(new TypeError('One generation is at one timestep'));
        waiting.push({ latents, timestep, promptEmbeddings, deep, resolve, reject });
        if (isRunning) return;
        isRunning = true;
        void run();
      }),
  };
}

const rowsOf = ({ promptEmbeddings }: Call): number => promptEmbeddings.dims[0] ?? 1;
const valuesOf = (call: Call): number => rowsOf(call) * (call.latents.data.length / (call.latents.dims[0] ?? 1));
const shapeOf = ({ latents, promptEmbeddings, deep }: Call): string =>
  JSON.stringify([latents.dims.slice(1), promptEmbeddings.dims.slice(1), deep?.value !== undefined]);

/** Takes the call that has waited longest, and those like it, in their order, for which there is room. */
function takeAlike(waiting: Call[], limit: number): Call[] {
  const [first] = waiting as [Call];
  const shape = shapeOf(first);
  let room = limit - valuesOf(first);
  const taken = waiting.filter((call) => {
    if (call === first) return true;
    if (shapeOf(call) !== shape || valuesOf(call) > room) return false;
    room -= valuesOf(call);
    return true;
  });
  waiting.splice(0, waiting.length, ...waiting.filter((call) => !taken.includes(call)));
  return taken;
}

async function predict(model: Model, calls: readonly Call[]): Promise<Tensor[]> {
  const [only] = calls;
  if (only !== undefined && calls.length === 1) {
    return [await model.predictNoise(only.latents, only.timestep, only.promptEmbeddings, only.deep)];
  }
  // One latent for each prompt: the graph shares latents among prompts only where there is a single one.
  const latents = calls.flatMap((call) =>
    new Array<Tensor>(rowsOf(call) / (call.latents.dims[0] ?? 1)).fill(call.latents),
  );
  const timesteps = calls.flatMap((call) => new Array<number>(rowsOf(call)).fill(call.timestep));
  const embeddings = concat(calls.map(({ promptEmbeddings }) => promptEmbeddings));
  const reused = calls.flatMap(({ deep }) => deep?.value ?? []);
  const isKept = calls.some(({ deep }) => deep !== undefined);
  const deep: DeepFeatures | undefined = isKept ? { ...(reused.length > 0 && { value: concat(reused) }) } : undefined;
  const predictions = await model.predictNoise(concat(latents), Float32Array.from(timesteps), embeddings, deep);
  if (reused.length === 0 && deep?.value !== undefined) keepFeatures(calls, deep.value);
  return split(predictions, calls);
}

/** Gives each call that keeps deep features its own. */
function keepFeatures(calls: readonly Call[], features: Tensor): void {
  for (const [i, value] of split(features, calls).entries()) {
    const { deep } = calls[i] as Call;
    if (deep !== undefined) deep.value = value;
  }
}

/** The rows of each call. */
function split({ data, dims: [count = 1, ...dims] }: Tensor, calls: readonly Call[]): Tensor[] {
  const size = data.length / count;
  let start = 0;
  return calls.map((call) => {
    const end = start + size * rowsOf(call);
    // A copy: a sampler that keeps its own does not keep everybody's.
    const own = tensor(data.slice(start, end), [rowsOf(call), ...dims]);
    start = end;
    return own;
  });
}
