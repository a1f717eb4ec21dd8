/** What the rest of the house may use of the gateway. */
export { type ConfigReport, checkConfig } from './check-config.js';
export { checkOnline, type OnlineVerdict } from './check-online.js';
export { type Gateway, type GatewayDeps, startGateway } from './compose.js';
export { runGateway } from './main.js';
export { type OfflineGateway, offlineGateway } from './offline-explain.js';
export { type GatewayOptions, loadGatewayConfig } from './options.js';
export { GatewayConfigSchema } from './routing/schema.js';
