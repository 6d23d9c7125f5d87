import { FunctionError } from '../errors.ts';

const CODES = {
  full: ['ENOSPC', 'EDQUOT', 'EFBIG'],
  refused: ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENAMETOOLONG'],
};

/** Says what a disk refused; every other error comes back as it was. */
export function explainDiskError(error: unknown, folder: string): unknown {
  if (hasErrorCode(error, ...CODES.full)) {
    const message = `The disk is full: free some space for ${folder}, or choose another folder. What has arrived is kept.`;
    return new FunctionError('storage_full', message, { cause: error });
  }
  if (hasErrorCode(error, ...CODES.refused)) {
    const message = `${folder} cannot be written to: choose another folder, or change its permissions.`;
    return new FunctionError('unavailable', message, { cause: error });
  }
  return error;
}

export function hasErrorCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
