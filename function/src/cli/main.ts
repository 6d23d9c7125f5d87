#!/usr/bin/env node
import { CommanderError } from 'commander';
import { readConfig } from './config.ts';
import { createProgram } from './program.ts';
import { exitCodes, reportError } from './report-error.ts';

/** Runs the command line and returns its exit code. */
async function main(argv: readonly string[]): Promise<number> {
  try {
    await createProgram(readConfig()).parseAsync(argv);
    return exitCodes.success;
  } catch (error) {
    // commander has already printed help or what is wrong with the arguments.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.wrongInput;
    return reportError(error, argv.includes('--json'));
  }
}

process.exitCode = await main(process.argv);
