/** Everything in one process, for a laptop and for tests. */
export { DEV_LEAVES, type Embedded, type EmbeddedOptions, startEmbedded } from './compose.js';
export { runEmbedded } from './main.js';
