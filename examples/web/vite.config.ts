import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const GATEWAY = 'http://127.0.0.1:8080';

/** The gateway takes logins from pages of its own origin; the development server stands in for one. */
const throughGateway = { target: GATEWAY, headers: { origin: GATEWAY } };

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  resolve: {
    // The SDK from its sources, as everything else here; elsewhere it is a package.
    alias: { 'gatehouse/client': fileURLToPath(new URL('../../client/index.ts', import.meta.url)) },
  },
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    // A `data:` URL is not of this origin, and the page's policy allows nothing else.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': throughGateway, '/auth': throughGateway } },
});
