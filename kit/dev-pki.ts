/**
 * The internal CA that the embedded default and the tests make for themselves. Not for a real installation: there the
 * certificates come from whatever issues them in that house.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  hasNamesOf,
  LEAF_LIFETIME_MS,
  type LeafSpec,
  loadCertificateAuthority,
  type Pem,
} from './certificate-authority.js';
import { StartupError } from './startup-error.js';
import { writeFileAtomic } from './write-file-atomic.js';

export { type CertificateAuthority, createCertificateAuthority, type LeafSpec, type Pem };

const DAY_MS = 86_400_000;
const RENEW_BEFORE_MS = 30 * DAY_MS;

/** Absolute paths of PEM files. */
export interface PkiFiles {
  ca: string;
  /** Throws for a name that was not among the leaves asked for. */
  leaf(name: string): { cert: string; key: string };
}

/**
 * Makes sure that `dir` holds a CA and a valid leaf for each spec, and makes only what is missing, broken, of another
 * CA, of other names, or about to expire (leaf: 30 days). Folder and files are their owner's alone. The caller has to
 * keep a second process off the folder (embedded/data-folder.ts). Throws StartupError when it cannot be written.
 */
export async function ensureDevPki(options: {
  dir: string;
  leaves: readonly LeafSpec[];
  now?: () => number;
}): Promise<PkiFiles> {
  const dir = resolve(options.dir);
  const now = options.now ?? Date.now;
  const names = new Set(options.leaves.map((leaf) => checkedName(leaf.name)));
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await chmod(dir, 0o700);
    const ca = await ensureAuthority(pathsOf(dir, 'ca'), now);
    await Promise.all(options.leaves.map((leaf) => ensureLeaf(pathsOf(dir, leaf.name), leaf, ca, now)));
  } catch (error) {
    throw new StartupError(`cannot write certificates in ${dir}: ${messageOf(error)}`, { cause: error });
  }
  return {
    ca: pathsOf(dir, 'ca').cert,
    leaf(name) {
      if (!names.has(name)) throw new Error(`no leaf named ${name} was asked for`);
      return pathsOf(dir, name);
    },
  };
}

async function ensureAuthority(paths: Pem, now: () => number): Promise<CertificateAuthority> {
  const existing = await readPair(paths);
  if (existing !== undefined && isUsableAuthority(existing, now()))
    return loadCertificateAuthority(existing, now);
  const ca = await createCertificateAuthority({ now });
  await writePair(paths, ca);
  return ca;
}

async function ensureLeaf(
  paths: Pem,
  leaf: LeafSpec,
  ca: CertificateAuthority,
  now: () => number,
): Promise<void> {
  const existing = await readPair(paths);
  if (existing !== undefined && isUsableLeaf(existing, leaf, ca, now())) return;
  await writePair(paths, await ca.issue(leaf));
}

/** A CA has to outlive the leaves it signs from now on: one that cannot is replaced. */
function isUsableAuthority(pem: Pem, nowMs: number): boolean {
  try {
    const certificate = new X509Certificate(pem.cert);
    return (
      certificate.ca &&
      certificate.checkPrivateKey(createPrivateKey(pem.key)) &&
      isValidThrough(certificate, nowMs, nowMs + LEAF_LIFETIME_MS)
    );
  } catch {
    return false; // not PEM, cut off, another kind of key: made anew
  }
}

function isUsableLeaf(pem: Pem, leaf: LeafSpec, ca: CertificateAuthority, nowMs: number): boolean {
  try {
    const certificate = new X509Certificate(pem.cert);
    return (
      certificate.verify(new X509Certificate(ca.cert).publicKey) &&
      certificate.checkPrivateKey(createPrivateKey(pem.key)) &&
      hasNamesOf(pem.cert, leaf) &&
      isValidThrough(certificate, nowMs, nowMs + RENEW_BEFORE_MS)
    );
  } catch {
    return false;
  }
}

function isValidThrough(certificate: X509Certificate, fromMs: number, untilMs: number): boolean {
  return Date.parse(certificate.validFrom) <= fromMs && Date.parse(certificate.validTo) > untilMs;
}

/** Both texts, or undefined when either cannot be read. Tightens the permissions of what it finds. */
async function readPair(paths: Pem): Promise<Pem | undefined> {
  try {
    await Promise.all([chmod(paths.cert, 0o600), chmod(paths.key, 0o600)]);
    const [cert, key] = await Promise.all([readFile(paths.cert, 'utf8'), readFile(paths.key, 'utf8')]);
    return { cert, key };
  } catch {
    return undefined;
  }
}

/** A crash between the two writes leaves a pair that does not match, which the next start sees and replaces. */
async function writePair(paths: Pem, pem: Pem): Promise<void> {
  await writeFileAtomic(paths.key, pem.key);
  await writeFileAtomic(paths.cert, pem.cert);
}

function pathsOf(dir: string, name: string): Pem {
  return { cert: join(dir, `${name}.pem`), key: join(dir, `${name}-key.pem`) };
}

/** Whether a leaf's files can have the name: they stand beside those of the CA. */
export function isLeafName(name: string): boolean {
  return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) && name !== 'ca' && !name.endsWith('-key');
}

function checkedName(name: string): string {
  if (!isLeafName(name)) throw new TypeError(`not usable as a leaf name: ${name}`);
  return name;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
