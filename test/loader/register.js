/**
 * Has Node run the TypeScript of this repository: `node --import ./test/loader/register.js file.ts`. tsx does it, too,
 * but has a look at each module of each dependency as well, which took more than half of the start of a test file.
 */
import * as nodeModule from 'node:module';
import { load, resolve } from './hooks.js';

process.setSourceMapsEnabled(true);
// In the same thread, from Node 22.15 on.
if (nodeModule.registerHooks === undefined) nodeModule.register('./hooks.js', import.meta.url);
else nodeModule.registerHooks({ resolve, load });
