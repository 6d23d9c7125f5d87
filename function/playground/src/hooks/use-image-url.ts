import type { JobImage } from '@safelight/sdk';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useClient } from '../client-context.ts';

/** A URL that ends sooner than this is signed again before it is used. */
const EXPIRY_MARGIN_MS = 5000;

/** Where to load a picture from. */
export interface ImageSource {
  /** Absent while it is being signed. */
  url: string | undefined;
  /** Changes with each signature: a URL of the same second is the same, and must be tried again all the same. */
  attempt: number;
  onError(): void;
}

/** The URL of a picture, signed again when it has expired, or turns out to have. */
export function useImageUrl(jobId: string, image: JobImage): ImageSource {
  const { safelight, report } = useClient();
  const { index } = image;
  const isFresh = Date.parse(image.expiresAt) - Date.now() > EXPIRY_MARGIN_MS;
  const [source, setSource] = useState({ url: isFresh ? image.url : undefined, attempt: 0 });
  const hasSigned = useRef(false);

  const sign = useCallback(() => {
    if (hasSigned.current) return;
    hasSigned.current = true;
    safelight.images.sign(jobId, index).then(({ url }) => setSource({ url, attempt: 1 }), report);
  }, [safelight, report, jobId, index]);

  useEffect(() => {
    if (source.url === undefined) sign();
  }, [source, sign]);

  return { ...source, onError: sign };
}
