import type { ModelInfo } from '@safelight/sdk';
import { useCallback, useEffect, useState } from 'react';
import { defaultSettings, type Settings } from '../lib/settings.ts';

const STORAGE_KEY = 'safelight.settings';

/** The form's content. It survives a reload, in this tab only. */
export function useSettings(model: ModelInfo): [Settings, (change: Partial<Settings>) => void] {
  const [settings, setSettings] = useState<Settings>(() => ({ ...defaultSettings(model), ...readStored() }));
  useEffect(() => sessionStorage.setItem(STORAGE_KEY, JSON.stringify(settings)), [settings]);
  const change = useCallback((changed: Partial<Settings>) => setSettings((old) => ({ ...old, ...changed })), []);
  return [settings, change];
}

function readStored(): Partial<Settings> {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? '{}') as Partial<Settings>;
  } catch {
    return {};
  }
}
