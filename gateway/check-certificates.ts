import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ConfigCode } from '../contracts/config-problems.js';
import type { ConfigPath, ConfigProblem } from '../kit/config-file.js';
import type { GatewayConfigFile } from './options.js';

/** Left to renew a certificate without haste. */
const EXPIRES_SOON_MS = 14 * 86_400_000;

/**
 * The PEM files that a config names: there, of the right kind, certificate and key a pair, in force at `now` (unix
 * milliseconds). CAs may stand side by side, an old one beside its successor: the last one counts.
 */
export function checkCertificates(options: GatewayConfigFile, now: number): ConfigProblem[] {
  const { internal_tls: internal, listen, admin, issuers } = options.value;
  const check = new CertificateCheck(options, now);
  check.authorities(['internal_tls', 'ca'], internal.ca);
  check.pair(['internal_tls'], internal);
  for (const [index, pair] of (listen.tls?.certificates ?? []).entries())
    check.pair(['listen', 'tls', 'certificates', index], pair);
  if (listen.tls?.client_ca !== undefined)
    check.authorities(['listen', 'tls', 'client_ca'], listen.tls.client_ca);
  if (admin.tls !== undefined) {
    check.pair(['admin', 'tls'], admin.tls);
    check.authorities(['admin', 'tls', 'client_ca'], admin.tls.client_ca);
  }
  for (const [name, { ca }] of Object.entries(issuers))
    if (ca !== undefined) check.authorities(['issuers', name, 'ca'], ca);
  return check.problems;
}

class CertificateCheck {
  readonly problems: ConfigProblem[] = [];
  readonly #options: GatewayConfigFile;
  readonly #now: number;

  constructor(options: GatewayConfigFile, now: number) {
    this.#options = options;
    this.#now = now;
  }

  pair(at: ConfigPath, { cert, key }: { cert: string; key: string }): void {
    const chain = this.#certificates([...at, 'cert'], cert);
    for (const certificate of chain ?? []) this.#validity([...at, 'cert'], cert, certificate);
    const privateKey = this.#parse([...at, 'key'], key, 'a private key without passphrase', createPrivateKey);
    if (chain?.[0] === undefined || privateKey === undefined || chain[0].checkPrivateKey(privateKey)) return;
    const message = `${key} is not the key of ${cert}: point cert and key at one pair`;
    this.#report([...at, 'key'], 'config_certificate_key', message);
  }

  authorities(at: ConfigPath, file: string): void {
    const all = this.#certificates(at, file) ?? [];
    const [last] = all.toSorted((one, other) => Date.parse(other.validTo) - Date.parse(one.validTo));
    if (last !== undefined) this.#validity(at, file, last);
  }

  #certificates(at: ConfigPath, file: string): X509Certificate[] | undefined {
    return this.#parse(at, file, 'a certificate', (pem) => {
      const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
      if (blocks.length === 0) throw new Error('none');
      return blocks.map((block) => new X509Certificate(block));
    });
  }

  #parse<T>(at: ConfigPath, file: string, kind: string, parse: (pem: string) => T): T | undefined {
    const report = (message: string): undefined => {
      this.#report(at, 'config_certificate_file', message);
    };
    // Not quoted: it may be the key itself.
    if (file.includes('-----BEGIN')) return report('PEM text stands here: put it into a file, and name that');
    let pem: string;
    try {
      pem = readFileSync(file, 'utf8');
    } catch (error) {
      const { code = 'unknown error' } = error as NodeJS.ErrnoException;
      const hint =
        code === 'ENOENT' ? 'there is no such file (gatehouse pki init makes some for trying out)' : code;
      return report(`cannot read ${file}: ${hint}`);
    }
    try {
      return parse(pem);
    } catch {
      return report(`${file} is not a PEM file with ${kind}`);
    }
  }

  #validity(at: ConfigPath, file: string, { validFrom, validTo }: X509Certificate): void {
    const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
    const day = (time: number): string => new Date(time).toISOString().slice(0, 16).replace('T', ' ');
    if (to < this.#now)
      this.#report(at, 'config_certificate_expired', `${file} has expired on ${day(to)} UTC: renew it`);
    else if (from > this.#now)
      this.#report(
        at,
        'config_certificate_expired',
        `${file} is not valid before ${day(from)} UTC: check the clock`,
      );
    else if (to - this.#now < EXPIRES_SOON_MS)
      this.#report(at, 'config_certificate_expiring', `${file} expires on ${day(to)} UTC: renew it`);
  }

  #report(at: ConfigPath, code: ConfigCode, message: string): void {
    this.problems.push(this.#options.problem(at, code, message));
  }
}
