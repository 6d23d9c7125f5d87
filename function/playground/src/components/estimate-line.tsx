import type { Estimate } from '@safelight/sdk';
import { formatDuration, formatPrice, plural } from '../lib/format.ts';

/** What a job would take, in a line; nothing where nothing is known. */
export function EstimateLine({ estimate }: { estimate: Estimate | undefined }) {
  const { seconds, price, queued = 0 } = estimate ?? {};
  const facts = [
    ...(seconds === undefined
      ? []
      : [`about ${seconds < 1 ? `${seconds.toFixed(1)} s` : formatDuration(seconds * 1000)}`]),
    ...(price === undefined ? [] : [`about ${formatPrice(price)}`]),
    ...(queued === 0 ? [] : [`after ${plural(queued, 'job')}`]),
  ];
  if (facts.length === 0) return null;
  const text = facts.join(', ');
  return <p className="hint estimate">{text.charAt(0).toUpperCase() + text.slice(1)}</p>;
}
