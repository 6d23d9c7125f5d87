import { useEffect, useState } from 'react';
import { useClient } from '../client-context.ts';
import { useObjectUrl } from '../hooks/use-object-url.ts';
import { describeError, type ErrorDescription } from '../lib/describe-error.ts';
import { readSettingsOf } from '../lib/read-settings-of.ts';
import type { Settings } from '../lib/settings.ts';
import { startFrom } from '../lib/start-from.ts';
import { Dialog } from './dialog.tsx';
import { ErrorNotice } from './error-notice.tsx';

export interface FileDialogProps {
  file: File;
  onChange(change: Partial<Settings>): void;
  onClose(): void;
}

/** What to do with a picture from this machine: start from it, or read its settings. Only the former sends it. */
export function FileDialog({ file, onChange, onClose }: FileDialogProps) {
  const { safelight } = useClient();
  const url = useObjectUrl(file);
  const [found, setFound] = useState<Partial<Settings> | 'nothing'>();
  const [isSending, setIsSending] = useState(false);
  const [error, setError] = useState<ErrorDescription>();

  useEffect(() => {
    readSettingsOf(file).then(
      (settings) => setFound(settings ?? 'nothing'),
      () => setFound('nothing'),
    );
  }, [file]);

  const start = async () => {
    setIsSending(true);
    try {
      onChange(await startFrom(safelight, file));
      onClose();
    } catch (cause) {
      setError(describeError(cause));
      setIsSending(false);
    }
  };
  const useSettings = () => {
    if (found === undefined || found === 'nothing') return;
    onChange(found);
    onClose();
  };

  return (
    <Dialog title={file.name} onClose={onClose}>
      <div className="file-preview">
        {url !== undefined && <img className="picture" src={url} alt={`Preview of ${file.name}`} />}
      </div>
      {found === 'nothing' && <p className="muted">It carries no settings that can be read.</p>}
      {typeof found === 'object' && <p className="muted">Made from “{found.prompt}”.</p>}
      {error !== undefined && <ErrorNotice error={error} />}
      <div className="actions">
        <button type="button" className="button primary" disabled={isSending} onClick={start}>
          {isSending ? 'Sending…' : 'Start from it'}
        </button>
        <button type="button" className="button" disabled={typeof found !== 'object'} onClick={useSettings}>
          Use its settings
        </button>
      </div>
    </Dialog>
  );
}
