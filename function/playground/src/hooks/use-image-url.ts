import type { JobImage } from '@safelight/sdk';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useClient } from '../client-context.ts';

/** A URL that ends sooner than this is signed again before it is used. */
const EXPIRY_MARGIN_MS = 5000;

/** Where to load a picture from. Its URL is signed again when it has expired, or turns out to have. */
export function useImageUrl(jobId: string, image: JobImage): { url: string | undefined; onError: () => void } {
  const { safelight, report } = useClient();
  const { index } = image;
  const isFresh = Date.parse(image.expiresAt) - Date.now() > EXPIRY_MARGIN_MS;
  const [url, setUrl] = useState(isFresh ? image.url : undefined);
  const hasSigned = useRef(false);

  const sign = useCallback(() => {
    if (hasSigned.current) return;
    hasSigned.current = true;
    safelight.images.sign(jobId, index).then((signed) => setUrl(signed.url), report);
  }, [safelight, report, jobId, index]);

  useEffect(() => {
    if (url === undefined) sign();
  }, [url, sign]);

  return { url, onError: sign };
}
