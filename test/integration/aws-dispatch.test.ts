/** From nothing to a picture: a job wakes the dispatcher, which starts the worker's program, which leaves when idle. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { createSafelight } from '@safelight/sdk';
import type { LiveWorker } from '../../function/src/dispatcher/decide.ts';
import { type Dispatcher, dispatch } from '../../function/src/dispatcher/dispatch.ts';
import { createFleetStateStore } from '../../function/src/dispatcher/fleet-state.ts';
import { type Stack, startStack } from '../support/aws/stack.ts';
import { startWorkerProgram, type WorkerProgram } from '../support/aws/start-worker-program.ts';
import { temporaryFolder } from '../support/embedded-model.ts';

const POLICY = {
  ...{ maxWorkers: 2, messagesPerWorker: 4, capacities: 'spot-then-on-demand' as const, keepWarmSeconds: 0 },
  ...{ spotPatienceSeconds: 180, spotRetrySeconds: 1800, startTimeoutSeconds: 600, idleSeconds: 1 },
};

/** An ECS whose tasks are worker programs in this process. */
const createDispatcher = (stack: Stack, start: () => WorkerProgram) => {
  const running = new Map<string, LiveWorker>();
  const programs: WorkerProgram[] = [];
  const dispatcher: Dispatcher = {
    policy: POLICY,
    state: createFleetStateStore(stack.clients.dynamo, 'fleet'),
    tasks: {
      list: async () => ({ workers: [...running.values()], failures: [], known: new Set(running.keys()) }),
      async start({ capacity, keepsWarm }, token) {
        const program = start();
        programs.push(program);
        running.set(token, { id: token, capacity, keepsWarm, stage: 'running', askedAt: Date.now() });
        program.ended.finally(() => running.delete(token));
        return token;
      },
      stop: async () => assert.fail('nobody is to be stopped'),
    },
    async countMessages() {
      const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
      const request = new GetQueueAttributesCommand({ QueueUrl: stack.sqs.queueUrl, AttributeNames: [...names] });
      const { Attributes = {} } = await stack.clients.sqs.send(request);
      const [waitingMessages = 0, takenMessages = 0] = names.map((name) => Number(Attributes[name] ?? 0));
      return { waitingMessages, takenMessages };
    },
    ...{ logger: stack.logger, now: Date.now, newToken: randomUUID },
  };
  return { dispatcher, programs };
};

describe('an endpoint that sleeps', () => {
  it('wakes for a job, draws, and goes to sleep again', async (t) => {
    await using stack = await startStack();
    const modelsDir = join(await temporaryFolder(t), 'models');
    const { dispatcher, programs } = createDispatcher(stack, () =>
      startWorkerProgram(stack, { modelsDir, idleSeconds: POLICY.idleSeconds }),
    );
    assert.equal((await dispatch(dispatcher))?.reason, 'nothing-waits');
    const safelight = createSafelight({ endpoint: stack.url, apiKey: await stack.createKey() });
    const drawing = safelight.generate({ prompt: 'a red apple', seed: 3 });
    // The jobs table's stream would call it with the new job.
    while ((await dispatch(dispatcher))?.reason === 'nothing-waits');
    const { images, timings } = await drawing;
    assert.equal(images.length, 1);
    assert.ok((timings.bootMs ?? 0) > 0 && (timings.downloadMs ?? 0) > 0);
    assert.equal(programs.length, 1, 'one job, one worker');
    assert.equal(await programs[0]?.ended, 'idle');
    assert.equal((await dispatch(dispatcher))?.reason, 'nothing-waits');
  });
});
