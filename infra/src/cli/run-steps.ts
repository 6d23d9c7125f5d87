/** Where progress is told. */
export type Print = (line: string) => void;

/** One thing that `deploy` or `destroy` does. Doing it again after a failure is safe. */
export interface Step {
  readonly title: string;
  /** @returns what came of it, in a few words. */
  run(): Promise<string>;
}

/**
 * Does one step after the other, and says so.
 * @throws Error that names the step and how to go on.
 */
export async function runSteps(steps: readonly Step[], print: Print, now: () => number = Date.now): Promise<void> {
  for (const [index, step] of steps.entries()) {
    const position = `[${index + 1}/${steps.length}]`;
    print(`${position} ${step.title} …`);
    const start = now();
    try {
      const result = await step.run();
      print(`${position} ${step.title}: ${result} (${((now() - start) / 1000).toFixed(0)} s)`);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(
        `${step.title} failed: ${message}\nRun the same command again once that is mended: it goes on where it was.`,
        { cause: error },
      );
    }
  }
}
