import { useCallback, useState } from 'react';

const STORAGE_KEY = 'safelight.key';

/** The key that the user typed in: kept as long as the tab is open, and never part of a URL. */
export function useApiKey(): [apiKey: string | undefined, setApiKey: (apiKey: string | undefined) => void] {
  const [apiKey, setState] = useState(() => sessionStorage.getItem(STORAGE_KEY) ?? undefined);
  const setApiKey = useCallback((next: string | undefined) => {
    if (next === undefined) sessionStorage.removeItem(STORAGE_KEY);
    else sessionStorage.setItem(STORAGE_KEY, next);
    setState(next);
  }, []);
  return [apiKey, setApiKey];
}
