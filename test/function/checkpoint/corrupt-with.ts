import assert from 'node:assert/strict';
import { FunctionError } from '../../../function/src/errors.ts';

/** For `assert.rejects`: the file is refused, as damaged unless said otherwise, with a message that says this. */
export function corruptWith(message: RegExp, code: FunctionError['code'] = 'model_corrupt') {
  return (error: unknown) => {
    assert.ok(error instanceof FunctionError, String(error));
    assert.match(error.message, message);
    assert.equal(error.code, code, error.message);
    return true;
  };
}
