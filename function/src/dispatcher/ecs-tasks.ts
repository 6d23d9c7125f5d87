import {
  DescribeTasksCommand,
  type ECSClient,
  paginateListTasks,
  RunTaskCommand,
  StopTaskCommand,
  type Task,
} from '@aws-sdk/client-ecs';
import { ENVIRONMENT, WORKER_CONTAINER } from '../aws/environment.ts';
import type { Capacity, LiveWorker, WorkerFailure, WorkerStart } from './decide.ts';
import type { TaskList, TaskService } from './dispatch.ts';

export interface EcsTasksOptions {
  client: ECSClient;
  cluster: string;
  taskDefinition: string;
  taskFamily: string;
  /** Names of the capacity providers. */
  providers: Record<Capacity, string>;
}

/** What one DescribeTasks call takes. */
const DESCRIBE_BATCH = 100;

/** Workers as tasks of an ECS cluster. */
export function createEcsTasks(options: EcsTasksOptions): TaskService {
  const { client, cluster, taskDefinition, taskFamily, providers } = options;
  return {
    async list(wanted) {
      const ids = new Set(wanted);
      for (const desiredStatus of ['RUNNING', 'STOPPED'] as const)
        for await (const page of paginateListTasks({ client }, { cluster, family: taskFamily, desiredStatus }))
          for (const id of page.taskArns ?? []) ids.add(id);
      return readTasks(await describeTasks(client, cluster, [...ids]));
    },
    async start(start, token) {
      const idle = { name: ENVIRONMENT.idleSeconds, value: String(start.idleSeconds) };
      const { tasks, failures } = await client.send(
        new RunTaskCommand({
          cluster,
          taskDefinition,
          clientToken: token,
          startedBy: startedBy(start),
          capacityProviderStrategy: [{ capacityProvider: providers[start.capacity], weight: 1 }],
          overrides: { containerOverrides: [{ name: WORKER_CONTAINER, environment: [idle] }] },
          propagateTags: 'TASK_DEFINITION',
        }),
      );
      const id = tasks?.[0]?.taskArn;
      if (id !== undefined) return id;
      throw new Error(`ECS started no task: ${failures?.[0]?.reason ?? 'no reason given'}`);
    },
    async stop(id) {
      await client.send(new StopTaskCommand({ cluster, task: id, reason: 'Safelight: no machine came in time' }));
    },
  };
}

async function describeTasks(client: ECSClient, cluster: string, ids: readonly string[]): Promise<Task[]> {
  const found: Task[] = [];
  for (let start = 0; start < ids.length; start += DESCRIBE_BATCH) {
    const tasks = ids.slice(start, start + DESCRIBE_BATCH);
    found.push(...((await client.send(new DescribeTasksCommand({ cluster, tasks }))).tasks ?? []));
  }
  return found;
}

function readTasks(tasks: readonly Task[]): TaskList {
  const workers: LiveWorker[] = [];
  const failures: WorkerFailure[] = [];
  for (const task of tasks) {
    const origin = readStartedBy(task.startedBy);
    // Somebody ran it by hand: it works like the others, and is theirs to stop.
    if (origin === undefined) continue;
    // A worker told to stop takes no further jobs.
    if (task.desiredStatus === 'STOPPED') failures.push(...readFailure(task, origin.capacity));
    else
      workers.push({
        ...{ id: task.taskArn, ...origin },
        stage: stageOf(task),
        askedAt: task.createdAt?.getTime() ?? 0,
      });
  }
  return { workers, failures, known: new Set(tasks.flatMap(({ taskArn }) => taskArn ?? [])) };
}

/** ECS says PROVISIONING until the task has a machine, then PENDING and ACTIVATING while its image comes. */
function stageOf({ lastStatus }: Task): LiveWorker['stage'] {
  if (lastStatus === 'PROVISIONING') return 'asked';
  return lastStatus === 'RUNNING' ? 'running' : 'placed';
}

/** None for a worker that left by itself or was stopped by hand. */
function readFailure(task: Task, capacity: Capacity): WorkerFailure[] {
  const at = (task.stoppedAt ?? task.stoppingAt ?? task.createdAt)?.getTime() ?? 0;
  const failure = (kind: WorkerFailure['kind']): WorkerFailure[] => [{ kind, capacity, at }];
  if (task.stopCode === 'SpotInterruption' || task.stopCode === 'TerminationNotice') return failure('interrupted');
  if (task.startedAt === undefined) return failure('never-ran');
  if (task.stopCode === 'UserInitiated') return [];
  const container = task.containers?.find(({ name }) => name === WORKER_CONTAINER);
  return container?.exitCode === 0 ? [] : failure('crashed');
}

const PREFIX = 'safelight/';
const WARM = '/warm';

/** ECS keeps this text with the task: it says what the task is, whichever capacity provider ran it. */
const startedBy = ({ capacity, keepsWarm }: WorkerStart): string => `${PREFIX}${capacity}${keepsWarm ? WARM : ''}`;

function readStartedBy(text: string | undefined): { capacity: Capacity; keepsWarm: boolean } | undefined {
  if (!text?.startsWith(PREFIX)) return undefined;
  const capacity = text.startsWith(`${PREFIX}on-demand`) ? 'on-demand' : 'spot';
  return { capacity, keepsWarm: text.endsWith(WARM) };
}
