import { operations, STOP } from './opcodes.ts';
import { type PickleInput, PickleMachine } from './pickle-machine.ts';
import type { PickleValue } from './pickle-values.ts';

export interface Unpickled {
  readonly value: PickleValue;
  /** Where the pickle ended: the position after its last byte. */
  readonly end: number;
}

/**
 * Reads a Python pickle as data. Nothing in it is run: a global that is only named stays a name, and one that is called
 * is refused unless it is among the few that build tensors, dictionaries and numbers (`allowed-globals.ts`).
 * @throws FunctionError `model_corrupt`: damaged, too large, or calling something else, which is named.
 */
export function unpickle(input: PickleInput): Unpickled {
  const machine = new PickleMachine(input);
  for (;;) {
    machine.spend(1);
    const opcode = machine.byte();
    if (opcode === STOP) return { value: machine.pop(), end: machine.position };
    const operation = operations.get(opcode);
    if (operation === undefined) throw machine.fail(`has the unknown instruction 0x${opcode.toString(16)}`);
    operation(machine);
  }
}
