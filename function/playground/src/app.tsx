import { createSafelight } from '@safelight/sdk';
import { useMemo, useState } from 'react';
import { type Client, ClientContext } from './client-context.ts';
import { AppHeader } from './components/app-header.tsx';
import { ErrorNotice } from './components/error-notice.tsx';
import { KeyForm } from './components/key-form.tsx';
import { ModelDialog } from './components/model-dialog.tsx';
import { Workbench } from './components/workbench.tsx';
import { useApiKey } from './hooks/use-api-key.ts';
import { type Server, useServer } from './hooks/use-server.ts';
import { describeError } from './lib/describe-error.ts';

/** Few, so that people soon hear of a server that is gone; the page goes on trying by itself. */
const MAX_RETRIES = 1;

/**
 * Past the browser's cache: a picture that was shown from another origin's storage lies there as it was loaded for the
 * page, without leave for scripts to read it.
 */
const fetchAnew: typeof fetch = (input, init) => fetch(input, { ...init, cache: 'no-store' });

export function App({ endpoint }: { endpoint: string }) {
  const [apiKey, setApiKey] = useApiKey();
  const safelight = useMemo(
    () => createSafelight({ endpoint, apiKey, maxRetries: MAX_RETRIES, fetch: fetchAnew }),
    [endpoint, apiKey],
  );
  const server = useServer(safelight);
  const { report } = server;
  const client = useMemo<Client>(
    () => ({ safelight, endpoint, hasKey: apiKey !== undefined, report }),
    [safelight, endpoint, apiKey, report],
  );
  const [isModelShown, setIsModelShown] = useState(false);
  const model = server.models.find(({ name }) => name === server.defaultModel) ?? server.models[0];

  return (
    <ClientContext value={client}>
      <AppHeader
        modelName={model?.name}
        onForgetKey={apiKey === undefined ? undefined : () => setApiKey(undefined)}
        onShowModel={() => setIsModelShown(true)}
      />
      <ServerNotice server={server} />
      {server.status === 'unauthorized' ? (
        <main className="narrow">
          <KeyForm
            endpoint={endpoint}
            error={apiKey === undefined ? undefined : describeError(server.error)}
            onSubmit={setApiKey}
          />
        </main>
      ) : (
        model !== undefined && (
          <Workbench models={server.models} defaultModel={model} isOnline={server.status === 'ready'} />
        )
      )}
      {isModelShown && model !== undefined && <ModelDialog model={model} onClose={() => setIsModelShown(false)} />}
    </ClientContext>
  );
}

/** What stands between the user and the server. */
function ServerNotice({ server: { status, error, models } }: { server: Server }) {
  if (status === 'gone')
    return (
      <div className="banner">
        <ErrorNotice error={describeError(error)} />
      </div>
    );
  if (status === 'connecting' && models.length === 0)
    return (
      <p className="banner muted" role="status">
        Connecting…
      </p>
    );
  return null;
}
