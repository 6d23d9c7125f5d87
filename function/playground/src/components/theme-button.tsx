import { useState } from 'react';
import { applyTheme, readTheme, storeTheme, themes } from '../lib/theme.ts';
import { Icon } from './icon.tsx';

const icons = { system: 'system', light: 'sun', dark: 'moon' } as const;
const names = { system: 'as the device', light: 'light', dark: 'dark' } as const;

/** Goes through the themes in turn. */
export function ThemeButton() {
  const [theme, setTheme] = useState(readTheme);
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'system';
  const change = () => {
    applyTheme(next);
    storeTheme(next);
    setTheme(next);
  };
  const label = `Colours: ${names[theme]}. Change to ${names[next]}`;
  return (
    <button type="button" className="button quiet square" aria-label={label} title={label} onClick={change}>
      <Icon name={icons[theme]} />
    </button>
  );
}
