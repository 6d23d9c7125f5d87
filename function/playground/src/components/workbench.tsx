import type { GenerateInput, JobImage, ModelInfo, SucceededJob } from '@safelight/sdk';
import { useCallback, useEffect, useState } from 'react';
import { useClient } from '../client-context.ts';
import { useGeneration } from '../hooks/use-generation.ts';
import { useGrid } from '../hooks/use-grid.ts';
import { useJobs } from '../hooks/use-jobs.ts';
import { useSettings } from '../hooks/use-settings.ts';
import { fromSettings, type Settings, toInput } from '../lib/settings.ts';
import { CodeDialog } from './code-dialog.tsx';
import { Composer } from './composer.tsx';
import { FileDialog } from './file-dialog.tsx';
import { FileDrop } from './file-drop.tsx';
import { GridDialog } from './grid-dialog.tsx';
import { Notice, type NoticeProps } from './notice.tsx';
import { PictureDialog } from './picture-dialog.tsx';
import { Results } from './results.tsx';
import { SettingsDisclosure } from './settings-disclosure.tsx';

import { StartPicture } from './start-picture.tsx';
import { Welcome } from './welcome.tsx';

export interface WorkbenchProps {
  models: readonly ModelInfo[];
  /** The one to draw with unless another is chosen. */
  defaultModel: ModelInfo;
  isOnline: boolean;
}

type OpenDialog =
  | { kind: 'picture'; job: SucceededJob; image: JobImage }
  | { kind: 'code'; input: GenerateInput }
  | { kind: 'file'; file: File }
  | { kind: 'grid' }
  | undefined;

/** Where pictures are made: the form on one side, what came of it on the other. */
export function Workbench({ models, defaultModel, isOnline }: WorkbenchProps) {
  const { safelight, report } = useClient();
  const [settings, change] = useSettings(defaultModel);
  const jobs = useJobs(safelight, isOnline, report);
  const generation = useGeneration(jobs);
  const comparison = useGrid(jobs.submit);
  const [dialog, setDialog] = useState<OpenDialog>();
  const [notice, setNotice] = useState<Pick<NoticeProps, 'kind' | 'title'>>();

  const model = models.find(({ name }) => name === settings.model) ?? defaultModel;
  // A model that this server does not have, from a picture of elsewhere or from another day.
  useEffect(() => {
    if (model.name !== settings.model) change({ model: model.name });
  }, [model, settings.model, change]);

  const useAgain = (used: Settings) => {
    change(used);
    generation.clearError();
    setDialog(undefined);
    setNotice({ kind: 'info', title: 'The form has these settings now.' });
  };
  const closeDialog = () => setDialog(undefined);
  const openFile = useCallback((file: File) => setDialog({ kind: 'file', file }), []);
  const generate = () => {
    setNotice(undefined);
    comparison.close();
    return generation.generate(settings);
  };
  const openPicture = (job: SucceededJob, index: number) => {
    const image = job.images.find((each) => each.index === index);
    if (image !== undefined) setDialog({ kind: 'picture', job, image });
  };
  const showCode = (input: GenerateInput) => setDialog({ kind: 'code', input });

  return (
    <main className="workbench">
      <FileDrop onFile={openFile} />
      <div className="side">
        <Composer
          settings={settings}
          isSubmitting={generation.isSubmitting}
          isOnline={isOnline}
          error={generation.error}
          errors={generation.fieldErrors}
          jobsDone={jobs.jobs.filter(({ status }) => status === 'succeeded').length}
          onChange={change}
          onSubmit={generate}
          onFile={openFile}
          onShowCode={() => showCode(toInput(settings))}
          onCompare={() => setDialog({ kind: 'grid' })}
        />
        {notice !== undefined && <Notice {...notice} />}
        <StartPicture settings={settings} errors={generation.fieldErrors} onChange={change} />
        <SettingsDisclosure
          settings={settings}
          model={model}
          models={models}
          lastSeed={jobs.jobs[0]?.settings.seed}
          errors={generation.fieldErrors}
          onChange={change}
        />
      </div>
      <Results
        jobs={jobs}
        generation={generation}
        comparison={comparison}
        welcome={<Welcome model={model} onPick={(prompt) => change({ prompt })} />}
        onOpen={openPicture}
        onUse={(job) => useAgain(fromSettings(job.settings))}
      />
      {dialog?.kind === 'picture' && (
        <PictureDialog
          {...dialog}
          onUse={(job, image) => useAgain(fromSettings(job.settings, image.seed))}
          onChange={change}
          onShowCode={(job) => showCode(toInput(fromSettings(job.settings)))}
          onClose={closeDialog}
        />
      )}
      {dialog?.kind === 'file' && <FileDialog file={dialog.file} onChange={change} onClose={closeDialog} />}
      {dialog?.kind === 'grid' && (
        <GridDialog onStart={(x, y) => comparison.start(settings, x, y)} onClose={closeDialog} />
      )}
      {dialog?.kind === 'code' && <CodeDialog input={dialog.input} onClose={closeDialog} />}
    </main>
  );
}
