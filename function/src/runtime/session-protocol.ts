import type { Target } from '../graphs/layers/layers.ts';
import type { IntegerTensor, Tensor } from './tensor.ts';

export type Feeds = Readonly<Record<string, Tensor | IntegerTensor>>;
export type Outputs = Readonly<Record<string, Tensor>>;

export interface SessionSettings {
  /** What runs the graph. @defaultValue `cpu` */
  provider?: Target;
  /** Whether matrices are copied into the order their kernels like best: worth it for what runs often. @defaultValue true */
  prepack?: boolean;
  /** Threads of one operator. @defaultValue as many as the process may use */
  threads?: number;
}

/** What the main thread asks of the worker. */
export type SessionCommand =
  | { kind: 'load'; session: string; path: string; settings: SessionSettings }
  | { kind: 'run'; session: string; feeds: Feeds; outputs: readonly string[] | undefined };

export interface SessionRequest {
  id: number;
  command: SessionCommand;
}

export type SessionReply = { id: number; ok: true; outputs?: Outputs } | { id: number; ok: false; message: string };
