import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { readEndpoint } from './lib/config.ts';
import { applyTheme, readTheme } from './lib/theme.ts';

applyTheme(readTheme());
const root = document.getElementById('root');
if (root === null) throw new Error('The page has no #root');
createRoot(root).render(<App endpoint={await readEndpoint()} />);
