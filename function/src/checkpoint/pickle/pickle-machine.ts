import { corruptFile } from '../corrupt-file.ts';
import type { PickleValue } from './pickle-values.ts';

/** Steps a pickle may take. A full checkpoint with EMA weights and optimizer state takes some 300,000. */
const MAX_STEPS = 1_000_000;

/** Where a value was before one that opened a list of unknown length. */
type Stack = PickleValue[];

export interface PickleInput {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where the pickle starts. */
  readonly start: number;
  /** For messages. */
  readonly fileName: string;
  /** Called with what PyTorch wrote in place of something outside the pickle. */
  readonly loadPersistent: (id: PickleValue) => PickleValue;
}

/** The memory of a pickle that is being read: its bytes, stack and memo, within limits. */
export class PickleMachine {
  position: number;
  readonly #input: PickleInput;
  readonly #view: DataView;
  readonly #memo = new Map<number, PickleValue>();
  #stack: Stack = [];
  /** The stacks that were set aside at each mark. */
  readonly #marked: Stack[] = [];
  #steps = 0;
  #strings = new TextDecoder('utf-8', { fatal: true });

  constructor(input: PickleInput) {
    this.#input = input;
    this.#view = new DataView(input.bytes.buffer, input.bytes.byteOffset, input.bytes.byteLength);
    this.position = input.start;
  }

  /** @returns An error to throw; `problem` continues "its pickle …". */
  fail(problem: string): Error {
    return corruptFile(this.#input.fileName, `its pickle ${problem}`);
  }

  /** Counts work, so that no pickle can keep the reader busy for long or fill its memory. */
  spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > MAX_STEPS) throw this.fail('is absurdly long');
  }

  loadPersistent(id: PickleValue): PickleValue {
    return this.#input.loadPersistent(id);
  }

  byte(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  uint64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }

  /** The one number a pickle stores big-endian. */
  float64(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#input.bytes.subarray(start, start + length);
  }

  text(length: number): string {
    try {
      return this.#strings.decode(this.bytes(length));
    } catch (cause) {
      if (cause instanceof TypeError) throw this.fail('has a string that is not UTF-8');
      throw cause;
    }
  }

  /** Text up to the end of a line, as globals are named. */
  line(): string {
    const { bytes } = this.#input;
    const longest = 512;
    const end = bytes.subarray(this.position, this.position + longest).indexOf(0x0a);
    if (end < 0) throw this.fail('has an endless name');
    const text = this.text(end);
    this.position += 1;
    return text;
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined) throw this.fail('takes from an empty stack');
    return value;
  }

  /** The topmost value, which stays. */
  top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined) throw this.fail('takes from an empty stack');
    return value;
  }

  popMany(count: number): PickleValue[] {
    if (this.#stack.length < count) throw this.fail('takes from an empty stack');
    return this.#stack.splice(this.#stack.length - count, count);
  }

  mark(): void {
    this.#marked.push(this.#stack);
    this.#stack = [];
  }

  /** Everything since the last mark. */
  popToMark(): PickleValue[] {
    const outer = this.#marked.pop();
    if (outer === undefined) throw this.fail('has no mark');
    const values = this.#stack;
    this.#stack = outer;
    return values;
  }

  remember(key: number): void {
    this.#memo.set(key, this.top());
  }

  rememberNext(): void {
    this.remember(this.#memo.size);
  }

  recall(key: number): PickleValue {
    const value = this.#memo.get(key);
    if (value === undefined) throw this.fail('recalls what it never held');
    return value;
  }

  #advance(length: number): number {
    const start = this.position;
    if (start + length > this.#view.byteLength) throw this.fail('was cut short');
    this.position = start + length;
    return start;
  }
}
