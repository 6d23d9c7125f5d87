import { type FileHandle, open, readFile, readlink, stat, unlink } from 'node:fs/promises';
import { hasErrorCode } from '../disk-errors.ts';
import type { TransferProgress } from './progress.ts';

const HEARTBEAT_MS = 1000;
const LOCK_BYTES = 512;

/** The right to fill one folder, so that processes that want the same bundle fetch it once. */
export interface PullLock {
  release(): Promise<void>;
}

export interface AcquirePullLockParams {
  path: string;
  /** What those who wait are told. */
  progress: () => TransferProgress;
  /** A lock whose owner has not shown itself for so long is taken over. @defaultValue 10_000 */
  staleAfterMs?: number | undefined;
}

interface LockContent {
  pid: number;
  /** Process ids mean something only here: two containers can share the folder and nothing else. */
  pidNamespace: string;
  progress: TransferProgress;
}

/**
 * Takes the lock, or returns undefined while another living process has it. The owner writes to the file every second;
 * a lock left by a killed process is taken over. Should two processes ever both believe to own it (one of them was
 * suspended for longer than `staleAfterMs`), they write the same checked bytes to the same places: it costs traffic only.
 */
export async function acquirePullLock(params: AcquirePullLockParams): Promise<PullLock | undefined> {
  const { path, progress, staleAfterMs = 10_000 } = params;
  const file = (await create(path)) ?? ((await removeIfDead(path, staleAfterMs)) ? await create(path) : undefined);
  if (file === undefined) return undefined;
  const pidNamespace = await ownPidNamespace();
  const beat = async () => {
    const content: LockContent = { pid: process.pid, pidNamespace, progress: progress() };
    // Of one length, so that it always covers what was written before.
    await file.write(JSON.stringify(content).padEnd(LOCK_BYTES), 0);
  };
  await beat();
  let beating: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    beating = beat().catch(() => undefined);
  }, HEARTBEAT_MS);
  timer.unref();

  return {
    async release() {
      clearInterval(timer);
      await beating;
      const [own, named] = await Promise.all([file.stat(), stat(path).catch(() => undefined)]);
      await file.close();
      // Not where another process has taken it over.
      if (named?.ino === own.ino) await unlink(path).catch(() => undefined);
    },
  };
}

/** What the lock's owner has achieved, as far as it can be read. */
export async function readLockProgress(path: string): Promise<TransferProgress | undefined> {
  return (await readContent(path))?.progress;
}

async function create(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    if (hasErrorCode(error, 'EEXIST')) return undefined;
    throw error;
  }
}

async function removeIfDead(path: string, staleAfterMs: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return true;
  const content = await readContent(path);
  const isSilent = Date.now() - found.mtimeMs > staleAfterMs;
  const isGone = content !== undefined && content.pidNamespace === (await ownPidNamespace()) && !isAlive(content.pid);
  if (!isSilent && !isGone) return false;
  await unlink(path).catch(() => undefined);
  return true;
}

async function readContent(path: string): Promise<LockContent | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as LockContent;
  } catch {
    return undefined;
  }
}

/** Elsewhere than on Linux all processes share one. */
function ownPidNamespace(): Promise<string> {
  return readlink('/proc/self/ns/pid').catch(() => 'none');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasErrorCode(error, 'ESRCH');
  }
}
