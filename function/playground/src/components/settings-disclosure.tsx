import { useState } from 'react';
import { SettingsPanel, type SettingsPanelProps, summarizeSettings } from './settings-panel.tsx';

/** Where the panel stands beside the picture, it is open from the start. */
const WIDE = '(min-width: 60rem)';

/** The settings, folded to a line on small screens. What is wrong with one of them opens it. */
export function SettingsDisclosure(props: SettingsPanelProps) {
  const { settings, errors } = props;
  const [isOpen, setIsOpen] = useState(() => matchMedia(WIDE).matches);
  const hasError = Object.keys(errors).some((name) => name !== 'prompt' && name !== 'negativePrompt');
  return (
    <details
      className="card disclosure"
      open={isOpen || hasError}
      onToggle={(event) => setIsOpen(event.currentTarget.open)}
    >
      <summary>
        <h2>Settings</h2>
        <span className="muted small">{summarizeSettings(settings)}</span>
      </summary>
      <SettingsPanel {...props} />
    </details>
  );
}
