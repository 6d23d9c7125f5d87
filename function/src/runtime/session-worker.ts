/**
 * Runs in a worker thread: onnxruntime's `create` and `run` block the thread that calls them, and the main thread has
 * jobs, leases and HTTP to look after.
 */
import { parentPort } from 'node:worker_threads';
import { env, InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { usableProcessors } from '../usable-processors.ts';
import { addsInt8Exactly } from './int8-sums.ts';
import type {
  Feeds,
  Outputs,
  SessionCommand,
  SessionReply,
  SessionRequest,
  SessionSettings,
} from './session-protocol.ts';

// What goes wrong is thrown too; onnxruntime would also print it in between the caller's output.
env.logLevel = 'fatal';

const sessions = new Map<string, InferenceSession>();
let int8Exactness: Promise<boolean> | undefined;

parentPort?.on('message', async ({ id, command }: SessionRequest) => {
  try {
    const outputs = await execute(command);
    const transfer = Object.values(outputs ?? {}).map(({ data }) => data.buffer as ArrayBuffer);
    reply({ id, ok: true, ...(outputs === undefined ? {} : { outputs }) }, transfer);
  } catch (error) {
    reply({ id, ok: false, message: error instanceof Error ? error.message : String(error) }, []);
  }
});

function reply(message: SessionReply, transfer: ArrayBuffer[]): void {
  parentPort?.postMessage(message, transfer);
}

async function execute(command: SessionCommand): Promise<Outputs | undefined> {
  switch (command.kind) {
    case 'load':
      return load(command.session, command.path, command.settings);
    case 'run':
      return run(command.session, command.feeds, command.outputs);
  }
}

async function load(
  name: string,
  path: string,
  { provider = 'cpu', prepack = true, threads }: SessionSettings,
): Promise<undefined> {
  const session = await InferenceSession.create(path, {
    // Operators on shapes stay on the CPU. A provider that cannot be had is an error, never a silent step back.
    executionProviders: provider === 'cuda' ? ['cuda', 'cpu'] : ['cpu'],
    intraOpNumThreads: threads ?? usableProcessors(),
    interOpNumThreads: 1,
    // A plan of the memory, made in the first run, gets memory of its own in the second, beside what the first one keeps: twice as
    // much, and no faster. On GPUs it has not been measured.
    enableMemPattern: provider === 'cuda',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
    extra: {
      session: {
        disable_prepacking: prepack ? '0' : '1',
        // Exact sums, even if slower; where they are exact anyway, this would make them slower for nothing.
        ...(provider === 'cpu' && !(await isInt8Exact()) ? { x64quantprecision: '1' } : {}),
      },
    },
  });
  sessions.set(name, session);
}

function isInt8Exact(): Promise<boolean> {
  int8Exactness ??= addsInt8Exactly();
  return int8Exactness;
}

async function run(name: string, feeds: Feeds, wanted?: readonly string[]): Promise<Outputs> {
  const session = sessions.get(name);
  if (session === undefined) throw new Error(`No session named ${name} is loaded`);
  const inputs = Object.entries(feeds).map(([input, { data, dims }]) => [input, new OrtTensor(data, dims)]);
  const results = await session.run(Object.fromEntries(inputs), wanted ?? session.outputNames);
  const outputs = Object.entries(results).map(([output, { data, dims }]) => {
    // A copy of our own: the buffer onnxruntime hands out cannot be transferred to another thread.
    return [output, { data: Float32Array.from(data as Float32Array), dims }];
  });
  return Object.fromEntries(outputs);
}
