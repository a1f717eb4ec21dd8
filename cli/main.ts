#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { run } from './run.js';

// What a request allocates dies with it. While the young generation is still small, V8 finds it alive at each collection,
// concludes that it lives long, and from then on makes it old at once: garbage that only major collections find, and that
// keeps younger garbage alive.
setFlagsFromString('--no-allocation-site-pretenuring');

await run(process.argv.slice(2));
