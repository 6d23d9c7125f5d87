/** One job's part of a worker's time. */
export interface TimeShare {
  /** The engine is done with the job; what is left is storing. */
  drawn(): void;
  /** Ends the job's part. @returns its seconds. */
  end(): number;
}

/** A worker's time, as its jobs pay for it. */
export interface TimeShares {
  /** A job begins. */
  begin(): TimeShare;
}

/**
 * Divides a worker's time among its jobs so that no second is paid for twice: equally among those that the engine works
 * on, or, while it works on none, among those that are being stored. A job that has the worker to itself pays for all of
 * its time; one that is stored while the next is drawn pays nothing for that.
 *
 * @param now Milliseconds.
 */
export const createTimeShares = (now: () => number): TimeShares => {
  const drawing = new Set<{ ms: number }>();
  const storing = new Set<{ ms: number }>();
  let since = now();

  const settle = () => {
    const at = now();
    const payers = drawing.size > 0 ? drawing : storing;
    for (const share of payers) share.ms += Math.max(0, at - since) / payers.size;
    since = at;
  };

  return {
    begin() {
      const share = { ms: 0 };
      settle();
      drawing.add(share);
      return {
        drawn() {
          settle();
          if (drawing.delete(share)) storing.add(share);
        },
        end() {
          settle();
          drawing.delete(share);
          storing.delete(share);
          return share.ms / 1000;
        },
      };
    },
  };
};
