import type { ModelInfo } from '@safelight/sdk';
import { labelOf, samplerLabels, scheduleLabels } from '../lib/labels.ts';
import type { Settings, TextField } from '../lib/settings.ts';
import { NumberField } from './number-field.tsx';
import { SeedField } from './seed-field.tsx';
import { SelectField } from './select-field.tsx';

export interface SettingsPanelProps {
  settings: Settings;
  model: ModelInfo;
  models: readonly ModelInfo[];
  lastSeed?: number | undefined;
  /** What is wrong with a setting, by its name in the API. */
  errors: Partial<Record<string, string>>;
  onChange(change: Partial<Settings>): void;
}

/** Every setting but the prompts. */
export function SettingsPanel(props: SettingsPanelProps) {
  const { settings, model, models, lastSeed, errors, onChange } = props;
  const { minSize: min, maxSize: max } = model.limits;
  const bind = (name: TextField) => ({
    value: settings[name],
    error: errors[name],
    onChange: (value: string) => onChange({ [name]: value }),
  });
  return (
    <div className="settings">
      {models.length > 1 && (
        <SelectField
          label="Model"
          {...bind('model')}
          options={Object.fromEntries(models.map(({ name }) => [name, name]))}
        />
      )}
      <div className="pair">
        <NumberField label="Width" {...bind('width')} min={min} max={max} step={8} />
        <NumberField label="Height" {...bind('height')} min={min} max={max} step={8} />
      </div>
      <NumberField label="Steps" {...bind('steps')} min={1} max={1000} slider={{ min: 1, max: 100 }} />
      <NumberField
        label="Guidance"
        {...bind('guidanceScale')}
        min={0}
        max={100}
        step={0.5}
        slider={{ min: 1, max: 20, step: 0.5 }}
      />
      <div className="pair">
        <SelectField
          label="Sampler"
          {...bind('sampler')}
          // What suits one sampler seldom suits another.
          onChange={(sampler) => onChange({ sampler, schedule: '', eta: '', others: {} })}
          options={samplerLabels}
        />
        <SelectField label="Schedule" {...bind('schedule')} options={{ '': 'Automatic', ...scheduleLabels }} />
      </div>
      <SeedField {...bind('seed')} lastSeed={lastSeed} />
      <div className="pair">
        <NumberField label="Pictures" {...bind('count')} min={1} max={16} />
        <SelectField label="Format" {...bind('format')} options={{ png: 'PNG', jpeg: 'JPEG', webp: 'WebP' }} />
      </div>
      <MoreSettings {...props} />
    </div>
  );
}

/** What few people change. */
function MoreSettings({ settings, errors, onChange }: SettingsPanelProps) {
  const bind = (name: TextField) => ({
    value: settings[name],
    error: errors[name],
    onChange: (value: string) => onChange({ [name]: value }),
  });
  const others = Object.entries(settings.others);
  return (
    <details className="more">
      <summary>More settings</summary>
      <div className="settings">
        <SelectField
          label="Prompt syntax"
          {...bind('promptSyntax')}
          options={{ a1111: 'AUTOMATIC1111: weights, editing, AND', plain: 'Plain: every character as it is' }}
        />
        <div className="pair">
          <NumberField label="Clip skip" {...bind('clipSkip')} min={1} max={12} placeholder="1" />
          <NumberField label="Eta" {...bind('eta')} min={0} max={1} step={0.1} placeholder="automatic" />
        </div>
        <div className="pair">
          <NumberField label="Guidance from" {...bind('guidanceStart')} min={0} max={1} step={0.05} placeholder="0" />
          <NumberField label="Guidance until" {...bind('guidanceEnd')} min={0} max={1} step={0.05} placeholder="1" />
        </div>
        <NumberField label="Deep cache" {...bind('deepCache')} min={1} max={10} placeholder="off" />
        <SelectField
          label="Random numbers as drawn by"
          {...bind('rng')}
          options={{ cuda: 'a GPU, as most tools draw them', cpu: 'a CPU' }}
        />
        {others.length > 0 && (
          <p className="hint">
            Also {others.map(([name, value]) => `${name} ${JSON.stringify(value)}`).join(', ')}.{' '}
            <button type="button" className="link" onClick={() => onChange({ others: {} })}>
              Leave out
            </button>
          </p>
        )}
      </div>
    </details>
  );
}

/** The settings in a line, for where the panel is closed. */
export function summarizeSettings({ width, height, steps, sampler, seed }: Settings): string {
  const size = `${width}×${height}`;
  return [size, `${steps} steps`, labelOf(samplerLabels, sampler), ...(seed === '' ? [] : [`seed ${seed}`])].join(
    ' · ',
  );
}
