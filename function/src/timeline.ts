/** Something that took time, in milliseconds since the process started. */
export interface Span {
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** Keeps what was done when, where several things happen at once. */
export interface Timeline {
  /** In the order in which they ended. */
  readonly spans: readonly Span[];
  add(span: Span): void;
  /** Adds what the work took, unless it fails. */
  measure<Result>(name: string, work: () => Promise<Result>): Promise<Result>;
  /** Milliseconds since the process started. */
  now(): number;
}

export function createTimeline(now: () => number = () => performance.now()): Timeline {
  const spans: Span[] = [];
  return {
    spans,
    add: (span) => void spans.push(span),
    async measure(name, work) {
      const startMs = now();
      const result = await work();
      spans.push({ name, startMs, endMs: now() });
      return result;
    },
    now,
  };
}
