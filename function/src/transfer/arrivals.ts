import { join } from 'node:path';
import type { ReadyFile } from './pull-files.ts';

/** Files that others wait for while they arrive. */
export interface Arrivals {
  /** Resolves once the file is there, with where it is then. */
  when(file: string): Promise<string>;
  /** Whether it is there already. */
  has(file: string): boolean;
  arrive(ready: ReadyFile): void;
  /** All files lie in this folder from now on. */
  moveTo(folder: string): void;
  /** Nothing more arrives: whoever waits is told so. */
  fail(error: unknown): void;
}

export function createArrivals(): Arrivals {
  const paths = new Map<string, string>();
  const waiting = new Set<() => void>();
  let folder: string | undefined;
  let failure: { error: unknown } | undefined;

  const wake = () => {
    for (const look of [...waiting]) look();
  };
  return {
    when: (file) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const path = folder === undefined ? paths.get(file) : join(folder, file);
          if (path !== undefined) resolve(path);
          else if (failure !== undefined) reject(failure.error);
          else return void waiting.add(look);
          waiting.delete(look);
        };
        look();
      }),
    has: (file) => folder !== undefined || paths.has(file),
    arrive({ file, path }) {
      paths.set(file, path);
      wake();
    },
    moveTo(final) {
      folder = final;
      wake();
    },
    fail(error) {
      failure ??= { error };
      wake();
    },
  };
}
