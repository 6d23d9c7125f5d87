import type { ModelInfo } from '@safelight/sdk';
import { Dialog } from './dialog.tsx';

export interface ModelDialogProps {
  model: ModelInfo;
  onClose(): void;
}

/** What a model is, and what may be done with it. */
export function ModelDialog({ model, onClose }: ModelDialogProps) {
  const { name, version, description, license, limits, concepts } = model;
  return (
    <Dialog title={name} onClose={onClose}>
      <p>{description}</p>
      <section className="facts">
        <h3>Licence</h3>
        <p>
          {/^https?:/.test(license.url) ? (
            <a href={license.url} target="_blank" rel="noreferrer">
              {license.name}
            </a>
          ) : (
            license.name
          )}
        </p>
        <h3>Use restrictions</h3>
        <p className="restrictions">{license.useRestrictions}</p>
        <h3>Sizes</h3>
        <p>
          {limits.minSize} to {limits.maxSize} pixels a side; version {version}
        </p>
        {concepts !== undefined && (
          <>
            <h3>What it can draw</h3>
            <p className="muted concepts">{concepts.join(', ')}</p>
          </>
        )}
      </section>
    </Dialog>
  );
}
