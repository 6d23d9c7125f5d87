import { FunctionError } from '../errors.ts';

/** Whether an error is a system error with one of these codes. */
export function isErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** Turns a full disk or a folder that cannot be written to into an error that says so; other errors stay as they are. */
export function explainStorage(error: unknown, folder: string, advice: string): unknown {
  if (isErrno(error, 'ENOSPC', 'EDQUOT')) {
    return new FunctionError('storage_full', `The disk is full: the model does not fit into ${folder}. ${advice}`, {
      cause: error,
    });
  }
  if (isErrno(error, 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST')) {
    const problem = `The model cannot be stored in ${folder}: it is not a folder that can be written to.`;
    return new FunctionError('unavailable', `${problem} ${advice}`, { cause: error });
  }
  return error;
}
