export const themes = ['system', 'light', 'dark'] as const;
/** `system` follows the device. */
export type Theme = (typeof themes)[number];

const STORAGE_KEY = 'safelight.theme';

export function readTheme(): Theme {
  const stored = localStorage.getItem(STORAGE_KEY);
  return themes.find((theme) => theme === stored) ?? 'system';
}

export function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}

export function storeTheme(theme: Theme): void {
  localStorage.setItem(STORAGE_KEY, theme);
}
