export type LogLevel = 'info' | 'warn' | 'error';
export type LogFields = Record<string, string | number | boolean | undefined>;

/** Where structured events go. Never pass prompts, API keys or URLs. */
export type Logger = (level: LogLevel, event: string, fields?: LogFields) => void;

/** One JSON object per line. */
export const createJsonLogger =
  (write: (line: string) => void, now: () => number = Date.now): Logger =>
  (level, event, fields = {}) =>
    write(`${JSON.stringify({ time: new Date(now()).toISOString(), level, event, ...fields })}\n`);

export const silentLogger: Logger = () => {};

/**
 * What a log may say about an error: with its stack, for whoever runs the server, but without the private texts that
 * libraries like to quote in their messages.
 */
export const describeError = (error: unknown, privateTexts: readonly string[] = []): LogFields => {
  if (!(error instanceof Error)) return { errorName: typeof error };
  let stack = error.stack ?? `${error.name}: ${error.message}`;
  if (error.cause instanceof Error) stack += `\nCaused by ${error.cause.stack ?? error.cause.message}`;
  for (const text of privateTexts) if (text.trim() !== '') stack = stack.replaceAll(text, '[private]');
  const code = 'code' in error ? String(error.code) : undefined;
  return { errorName: error.name, errorCode: code, stack };
};
