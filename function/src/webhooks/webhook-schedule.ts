const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Pauses between tries: the schedule that Standard Webhooks gives as its example, some three days in all. */
const PAUSES_MS = [
  ...[5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
];

/**
 * How long to wait after so many tries, with up to a fifth more so that messages that failed together do not come back
 * together; `undefined` when it is time to give up.
 */
export const nextWebhookTryMs = (tries: number, random: () => number): number | undefined => {
  const pause = PAUSES_MS[tries - 1];
  return pause === undefined ? undefined : pause * (1 + random() / 5);
};
