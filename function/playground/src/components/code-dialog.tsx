import type { GenerateInput } from '@safelight/sdk';
import { useRef, useState } from 'react';
import { useClient } from '../client-context.ts';
import { toCurl, toTypeScript } from '../lib/code.ts';
import { Dialog } from './dialog.tsx';

const languages = { typescript: 'TypeScript', curl: 'curl' } as const;
type Language = keyof typeof languages;

export interface CodeDialogProps {
  input: GenerateInput;
  onClose(): void;
}

/** The same job as a program. */
export function CodeDialog({ input, onClose }: CodeDialogProps) {
  const { endpoint, hasKey } = useClient();
  const [language, setLanguage] = useState<Language>('typescript');
  const [copied, setCopied] = useState(false);
  const codeRef = useRef<HTMLElement>(null);
  const options = { endpoint, needsKey: hasKey };
  const code = language === 'typescript' ? toTypeScript(input, options) : toCurl(input, options);
  const copy = async () => {
    // Browsers have no clipboard for pages without https, other than on this machine: the code is selected for Ctrl+C.
    const clipboard = navigator.clipboard as Clipboard | undefined;
    if (clipboard === undefined) return getSelection()?.selectAllChildren(codeRef.current as HTMLElement);
    await clipboard.writeText(code);
    setCopied(true);
  };
  return (
    <Dialog title="Copy as code" className="wide" onClose={onClose}>
      <fieldset className="segments">
        <legend className="visually-hidden">Language</legend>
        {Object.entries(languages).map(([name, label]) => (
          <label key={name}>
            <input
              className="segment-input"
              type="radio"
              name="language"
              value={name}
              checked={language === name}
              onChange={() => {
                setLanguage(name as Language);
                setCopied(false);
              }}
            />
            <span>{label}</span>
          </label>
        ))}
      </fieldset>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <pre className="code" tabIndex={0}>
        <code ref={codeRef}>{code}</code>
      </pre>
      <div className="actions">
        <button type="button" className="button primary" onClick={copy}>
          {copied ? 'Copied' : 'Copy'}
        </button>
      </div>
    </Dialog>
  );
}
