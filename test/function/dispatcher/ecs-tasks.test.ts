import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createEcsTasks } from '../../../function/src/dispatcher/ecs-tasks.ts';
import { type EcsCall, fakeEcs } from './fake-ecs.ts';

const CREATED = 1_800_000_000;

function tasksOf(answer: (call: EcsCall) => object) {
  const { client, calls } = fakeEcs(answer);
  const tasks = createEcsTasks({
    ...{ client, cluster: 'cluster', taskDefinition: 'family:3', taskFamily: 'family' },
    providers: { spot: 'spot-machines', 'on-demand': 'own-machines' },
  });
  return { tasks, calls };
}

/** A service that knows these tasks. */
function listing(tasks: Record<string, unknown>[]) {
  return tasksOf(({ operation, input }) => {
    if (operation === 'ListTasks') {
      const named = tasks.filter((task) => task.desiredStatus === input.desiredStatus);
      return { taskArns: named.map(({ taskArn }) => taskArn) };
    }
    const wanted = input.tasks as string[];
    return { tasks: tasks.filter(({ taskArn }) => wanted.includes(taskArn as string)) };
  });
}

const task = (fields: Record<string, unknown>) => ({
  ...{ taskArn: 'arn-1', desiredStatus: 'RUNNING', lastStatus: 'RUNNING', createdAt: CREATED },
  ...{ startedBy: 'safelight/spot', ...fields },
});
const ended = (fields: Record<string, unknown>) =>
  task({ desiredStatus: 'STOPPED', lastStatus: 'STOPPED', stoppedAt: CREATED + 60, ...fields });

describe('ECS tasks', () => {
  it('starts one task of the wanted capacity under its token, with its own idle time', async () => {
    const { tasks, calls } = tasksOf(() => ({ tasks: [{ taskArn: 'arn-1' }] }));
    const id = await tasks.start({ capacity: 'on-demand', keepsWarm: true, idleSeconds: 1800 }, 'token-7');
    assert.equal(id, 'arn-1');
    assert.deepEqual(calls, [
      {
        operation: 'RunTask',
        input: {
          ...{ cluster: 'cluster', taskDefinition: 'family:3', clientToken: 'token-7' },
          ...{ startedBy: 'safelight/on-demand/warm', propagateTags: 'TASK_DEFINITION' },
          capacityProviderStrategy: [{ capacityProvider: 'own-machines', weight: 1 }],
          overrides: {
            containerOverrides: [{ name: 'worker', environment: [{ name: 'SAFELIGHT_IDLE_SECONDS', value: '1800' }] }],
          },
        },
      },
    ]);
  });

  it('says why ECS started nothing', async () => {
    const { tasks } = tasksOf(() => ({ tasks: [], failures: [{ reason: 'Capacity is unavailable' }] }));
    await assert.rejects(
      tasks.start({ capacity: 'spot', keepsWarm: false, idleSeconds: 1 }, 'token'),
      /Capacity is unavailable/,
    );
  });

  it('reads workers back as they were started', async () => {
    const { tasks } = listing([
      task({}),
      task({ taskArn: 'arn-2', startedBy: 'safelight/on-demand/warm', lastStatus: 'PROVISIONING' }),
    ]);
    const { workers, failures } = await tasks.list([]);
    assert.deepEqual(workers, [
      { id: 'arn-1', capacity: 'spot', keepsWarm: false, stage: 'running', askedAt: CREATED * 1000 },
      { id: 'arn-2', capacity: 'on-demand', keepsWarm: true, stage: 'asked', askedAt: CREATED * 1000 },
    ]);
    assert.deepEqual(failures, []);
  });

  const stages = { PROVISIONING: 'asked', PENDING: 'placed', ACTIVATING: 'placed', RUNNING: 'running' };
  for (const [lastStatus, stage] of Object.entries(stages))
    it(`a task that is ${lastStatus} is ${stage}`, async () => {
      const { tasks } = listing([task({ lastStatus })]);
      assert.equal((await tasks.list([])).workers[0]?.stage, stage);
    });

  it('ignores a task that somebody ran by hand', async () => {
    const { tasks } = listing([task({ startedBy: 'me' }), task({ taskArn: 'arn-2', startedBy: undefined })]);
    assert.deepEqual((await tasks.list([])).workers, []);
  });

  it('finds a task that is not listed yet by its ARN', async () => {
    const { tasks } = listing([task({ desiredStatus: 'NOWHERE' })]);
    assert.deepEqual([...(await tasks.list(['arn-1', 'arn-gone'])).known], ['arn-1']);
  });

  const endings: [string, Record<string, unknown>, string[]][] = [
    ['a spot interruption', { stopCode: 'SpotInterruption', startedAt: CREATED }, ['interrupted']],
    ['a notice of the machine', { stopCode: 'TerminationNotice', startedAt: CREATED }, ['interrupted']],
    ['a task without a machine', { stopCode: 'TaskFailedToStart' }, ['never-ran']],
    ['a task given up before it ran', { stopCode: 'UserInitiated' }, ['never-ran']],
    ['a running task stopped by hand', { stopCode: 'UserInitiated', startedAt: CREATED }, []],
    ['a worker that left by itself', { ...exit(0), startedAt: CREATED }, []],
    ['a worker that broke', { ...exit(1), startedAt: CREATED }, ['crashed']],
    ['a worker that was killed', { ...exit(137), startedAt: CREATED }, ['crashed']],
  ];
  for (const [name, fields, kinds] of endings)
    it(`${name}: ${kinds[0] ?? 'no failure'}`, async () => {
      const { tasks } = listing([ended(fields)]);
      const { workers, failures } = await tasks.list([]);
      assert.deepEqual(workers, []);
      assert.deepEqual(
        failures,
        kinds.map((kind) => ({ kind, capacity: 'spot', at: (CREATED + 60) * 1000 })),
      );
    });

  it('a worker that is being stopped is no worker any more', async () => {
    const { tasks } = listing([task({ desiredStatus: 'STOPPED', lastStatus: 'STOPPING', startedAt: CREATED })]);
    assert.deepEqual((await tasks.list([])).workers, []);
  });

  it('describes more tasks than one call takes, over all pages of the list', async () => {
    const arns = Array.from({ length: 130 }, (_, index) => `arn-${index}`);
    const { tasks, calls } = tasksOf(({ operation, input }) => {
      if (operation === 'DescribeTasks')
        return { tasks: (input.tasks as string[]).map((taskArn) => task({ taskArn })) };
      if (input.desiredStatus === 'STOPPED') return { taskArns: [] };
      return input.nextToken === undefined
        ? { taskArns: arns.slice(0, 100), nextToken: 'more' }
        : { taskArns: arns.slice(100) };
    });
    assert.equal((await tasks.list([])).workers.length, 130);
    const batches = calls.filter(({ operation }) => operation === 'DescribeTasks');
    assert.deepEqual(
      batches.map(({ input }) => (input.tasks as string[]).length),
      [100, 30],
    );
  });

  it('asks nothing of ECS when there are no tasks', async () => {
    const { tasks, calls } = listing([]);
    await tasks.list([]);
    assert.ok(calls.every(({ operation }) => operation === 'ListTasks'));
  });
});

function exit(exitCode: number) {
  return { stopCode: 'EssentialContainerExited', containers: [{ name: 'worker', exitCode }] };
}
