/** Example upstreams behind the gateway: orders, profile, echo, events, and a page. */
export { type RunningStubs, type StubsDeps, startUpstreamStubs } from './compose.js';
export { runUpstreamStubs } from './main.js';
export { loadStubsConfig, STUB_NAMES, type StubConfig, type StubName, type StubsConfig } from './options.js';
