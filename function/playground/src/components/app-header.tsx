import { Icon } from './icon.tsx';
import { ThemeButton } from './theme-button.tsx';

export interface AppHeaderProps {
  /** Absent until the server has said which it has. */
  modelName?: string | undefined;
  /** Shown where a key is in use, to take it back. */
  onForgetKey?: (() => void) | undefined;
  onShowModel(): void;
}

export function AppHeader({ modelName, onForgetKey, onShowModel }: AppHeaderProps) {
  return (
    <header className="app-header">
      <h1 className="brand">
        <span className="lamp" aria-hidden="true" />
        Safelight
      </h1>
      <div className="app-header-actions">
        {modelName !== undefined && (
          <button type="button" className="button quiet" onClick={onShowModel}>
            About <strong>{modelName}</strong>
          </button>
        )}
        {onForgetKey !== undefined && (
          <button
            type="button"
            className="button quiet square"
            aria-label="Forget the API key"
            title="Forget the API key"
            onClick={onForgetKey}
          >
            <Icon name="key" />
          </button>
        )}
        <ThemeButton />
      </div>
    </header>
  );
}
