/** What runs in the page: a form, progress, a picture, and a button that cancels. */
import { createGeneration, createSafelight } from '@safelight/sdk';

const safelight = createSafelight({ endpoint: '/api/safelight' });
const generation = createGeneration(safelight);

const find = <Name extends keyof HTMLElementTagNameMap>(selector: Name | `${Name}[${string}]`) => {
  const element = document.querySelector<HTMLElementTagNameMap[Name]>(selector);
  if (element === null) throw new Error(`The page has no ${selector}`);
  return element;
};
const status = find('p');
const picture = find('img');
const cancel = find('button[name=cancel]');

generation.subscribe(() => {
  const state = generation.getSnapshot();
  cancel.disabled = state.status !== 'running';
  status.textContent = state.status === 'running' ? (state.job?.phase.name ?? 'sending') : state.status;
  if (state.status === 'failed') status.textContent = String(state.error);
  picture.hidden = state.status !== 'succeeded';
  if (state.status === 'succeeded') picture.src = state.result.images[0]?.url ?? '';
});

find('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const prompt = String(new FormData(event.target as HTMLFormElement).get('prompt'));
  void generation.start({ prompt });
});
cancel.addEventListener('click', generation.reset);
