import { FunctionError } from './errors.ts';

const full = ['ENOSPC', 'EDQUOT', 'EFBIG'];
const refused = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENAMETOOLONG'];

/** Whether an error is a system error with one of these codes. */
export function hasErrorCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

export function isDiskFull(error: unknown): boolean {
  return hasErrorCode(error, ...full);
}

/**
 * Turns a full disk, or a folder that cannot be written to, into an error that says so; every other error comes back as it
 * was.
 * @param advice What else to do, such as "choose another folder".
 */
export function explainDiskError(error: unknown, folder: string, advice: string): unknown {
  if (isDiskFull(error)) {
    const message = `The disk is full: free some space for ${folder}, or ${advice}.`;
    return new FunctionError('storage_full', message, { cause: error });
  }
  if (hasErrorCode(error, ...refused)) {
    const message = `${folder} cannot be written to: change its permissions, or ${advice}.`;
    return new FunctionError('unavailable', message, { cause: error });
  }
  return error;
}
