import { useState } from 'react';
import { previewOf } from '../lib/previews.ts';
import { noStart, type Settings } from '../lib/settings.ts';
import { MaskDialog } from './mask-dialog.tsx';
import { NumberField } from './number-field.tsx';

export interface StartPictureProps {
  settings: Settings;
  errors: Partial<Record<string, string>>;
  onChange(change: Partial<Settings>): void;
}

/** The picture that drawing starts from, and which part of it is drawn anew. */
export function StartPicture({ settings, errors, onChange }: StartPictureProps) {
  const { initImage, strength, mask } = settings;
  const [isPainting, setIsPainting] = useState(false);
  if (initImage === '') return null;
  const preview = previewOf(initImage);
  return (
    <section className="card start-picture" aria-label="Start picture">
      <div className="start-head">
        {preview !== undefined && <img className="thumbnail" src={preview} alt="To start from" />}
        <div>
          <h2>Starts from a picture</h2>
          <p className="muted small">
            {mask === '' ? 'All of it is drawn anew' : 'Only what you painted is drawn anew'}
          </p>
        </div>
      </div>
      <NumberField
        label="Strength"
        value={strength}
        error={errors.strength ?? errors.initImage ?? errors.mask}
        min={0}
        max={1}
        step={0.05}
        slider={{ min: 0, max: 1, step: 0.05 }}
        onChange={(value) => onChange({ strength: value })}
      />
      <div className="actions">
        {mask === '' ? (
          <button type="button" className="button" disabled={preview === undefined} onClick={() => setIsPainting(true)}>
            Paint a mask
          </button>
        ) : (
          <button type="button" className="button" onClick={() => onChange({ mask: '' })}>
            Remove the mask
          </button>
        )}
        <button type="button" className="button" onClick={() => onChange(noStart)}>
          Remove the picture
        </button>
      </div>
      {isPainting && preview !== undefined && (
        <MaskDialog picture={preview} onMask={(key) => onChange({ mask: key })} onClose={() => setIsPainting(false)} />
      )}
    </section>
  );
}
