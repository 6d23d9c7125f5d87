import { config } from '../safelight.config.ts';
import { createApp } from './create-app.ts';

createApp(config).app.synth();
