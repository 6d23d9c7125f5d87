import { printable } from '../corrupt-file.ts';
import { callGlobal, refuseGlobal, setState } from './allowed-globals.ts';
import type { PickleMachine } from './pickle-machine.ts';
import { isDict, isGlobal, type PickleDict, type PickleValue } from './pickle-values.ts';

type Operation = (machine: PickleMachine) => void;

export const STOP = 0x2e;

/**
 * What each opcode does, protocols 2 to 5 without those that only protocol 0 and 1 write: PyTorch has always used 2.
 * @see https://github.com/python/cpython/blob/3.12/Lib/pickletools.py for what each is called and holds
 */
export const operations: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [0x80, (m) => checkProtocol(m)],
  // FRAME: only tells how much may be read at once.
  [0x95, (m) => void m.uint64()],

  // None, False, True; numbers of 4, 1 and 2 bytes; long numbers; float64
  [0x4e, (m) => m.push(null)],
  [0x89, (m) => m.push(false)],
  [0x88, (m) => m.push(true)],
  [0x4a, (m) => m.push(m.int32())],
  [0x4b, (m) => m.push(m.byte())],
  [0x4d, (m) => m.push(m.uint16())],
  [0x8a, (m) => m.push(longInteger(m, m.byte()))],
  [0x8b, (m) => m.push(longInteger(m, m.uint32()))],
  [0x47, (m) => m.push(m.float64())],

  // Strings, of Python 2 and of Python 3, then bytes, by the size of their length
  [0x55, (m) => m.push(m.text(m.byte()))],
  [0x54, (m) => m.push(m.text(m.uint32()))],
  [0x8c, (m) => m.push(m.text(m.byte()))],
  [0x58, (m) => m.push(m.text(m.uint32()))],
  [0x8d, (m) => m.push(m.text(m.uint64()))],
  [0x43, (m) => m.push(m.bytes(m.byte()))],
  [0x42, (m) => m.push(m.bytes(m.uint32()))],
  [0x8e, (m) => m.push(m.bytes(m.uint64()))],
  [0x96, (m) => m.push(m.bytes(m.uint64()))],

  // Lists, tuples, sets: all arrays here
  [0x28, (m) => m.mark()],
  [0x5d, (m) => m.push([])],
  [0x29, (m) => m.push([])],
  [0x8f, (m) => m.push([])],
  [0x6c, (m) => m.push(m.popToMark())],
  [0x74, (m) => m.push(m.popToMark())],
  [0x91, (m) => m.push(m.popToMark())],
  [0x85, (m) => m.push(m.popMany(1))],
  [0x86, (m) => m.push(m.popMany(2))],
  [0x87, (m) => m.push(m.popMany(3))],
  [0x61, (m) => append(m, m.popMany(1))],
  [0x65, (m) => append(m, m.popToMark())],
  [0x90, (m) => append(m, m.popToMark())],

  // Dictionaries
  [0x7d, (m) => m.push(new Map())],
  [0x64, (m) => m.push(setItems(m, new Map(), m.popToMark()))],
  [0x73, (m) => setTopItems(m, m.popMany(2))],
  [0x75, (m) => setTopItems(m, m.popToMark())],

  // Stack and memo
  [0x30, (m) => void m.pop()],
  [0x31, (m) => void m.popToMark()],
  [0x32, (m) => m.push(m.top())],
  [0x71, (m) => m.remember(m.byte())],
  [0x72, (m) => m.remember(m.uint32())],
  [0x94, (m) => m.rememberNext()],
  [0x68, (m) => m.push(m.recall(m.byte()))],
  [0x6a, (m) => m.push(m.recall(m.uint32()))],

  // Globals: named, called, called as a class, given state. INST and OBJ, of old classes, are always refused.
  [0x63, (m) => m.push({ kind: 'global', name: `${m.line()}.${m.line()}` })],
  [0x93, (m) => m.push(globalFromStack(m))],
  [0x52, (m) => call(m)],
  [0x81, (m) => call(m)],
  [0x62, (m) => build(m)],
  [0x69, (m) => refuse(m, { kind: 'global', name: `${m.line()}.${m.line()}` })],
  [0x6f, (m) => refuse(m, m.popToMark()[0])],
  [0x51, (m) => m.push(m.loadPersistent(m.pop()))],
]);

function checkProtocol(m: PickleMachine): void {
  const protocol = m.byte();
  if (protocol > 5) throw m.fail(`has the unknown protocol ${protocol}`);
}

/** Two's complement, little-endian, of any length. */
function longInteger(m: PickleMachine, length: number): number | bigint {
  if (length > 255) throw m.fail('has an absurdly long number');
  let value = 0n;
  for (const byte of m.bytes(length).toReversed()) value = (value << 8n) | BigInt(byte);
  const signed = BigInt.asIntN(8 * length, value);
  const number = Number(signed);
  return Number.isSafeInteger(number) ? number : signed;
}

function append(m: PickleMachine, values: PickleValue[]): void {
  const list = m.top();
  if (!Array.isArray(list)) throw m.fail('appends to what is no list');
  for (const value of values) list.push(value);
}

function setTopItems(m: PickleMachine, keysAndValues: PickleValue[]): void {
  const dict = m.top();
  if (!isDict(dict)) throw m.fail('sets items of what is no dictionary');
  setItems(m, dict, keysAndValues);
}

function setItems(m: PickleMachine, dict: PickleDict, keysAndValues: PickleValue[]): PickleDict {
  if (keysAndValues.length % 2 !== 0) throw m.fail('has a key without a value');
  for (let i = 0; i < keysAndValues.length; i += 2) {
    dict.set(keysAndValues[i] as PickleValue, keysAndValues[i + 1] as PickleValue);
  }
  return dict;
}

function globalFromStack(m: PickleMachine): PickleValue {
  const [module, name] = m.popMany(2);
  if (typeof module !== 'string' || typeof name !== 'string' || module.length + name.length > 1024) {
    throw m.fail('names a global in no words');
  }
  return { kind: 'global', name: `${module}.${name}` };
}

function call(m: PickleMachine): void {
  const [callee, args] = m.popMany(2);
  if (!isGlobal(callee)) throw m.fail('calls what is no function');
  if (!Array.isArray(args)) throw m.fail(`calls ${printable(callee.name)} without arguments`);
  m.push(callGlobal(m, callee, args));
}

function build(m: PickleMachine): void {
  const state = m.pop();
  setState(m, m.top(), state);
}

function refuse(m: PickleMachine, callee: PickleValue | undefined): void {
  if (isGlobal(callee)) throw refuseGlobal(m, callee);
  throw m.fail('calls what is no function');
}
