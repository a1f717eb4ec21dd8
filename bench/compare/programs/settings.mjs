import { readFileSync } from 'node:fs';

/** What every program here is told: a file of JSON, and the PEM texts that it names. */
export function readSettings() {
  const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
  const read = (path) => readFileSync(path, 'utf8');
  const { ca, gateway, front } = settings.pki;
  return {
    ...settings,
    revoked: new Set(settings.revoked),
    upstream: `https://127.0.0.1:${settings.upstreamPort}`,
    mtls: { ca: read(ca), cert: read(gateway.cert), key: read(gateway.key) },
    front: settings.tls ? { cert: read(front.cert), key: read(front.key) } : undefined,
  };
}
