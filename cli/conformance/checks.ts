import type { Identity } from '../../contracts/identity-headers.js';
import type { TlsMaterial } from '../../kit/tls-files.js';
import { ask, type Outcome } from './ask.js';

/** `contracts/vectors/identity-v1.json`. */
export interface Vectors {
  accept: { name: string; headers: [string, string][]; identity: Identity }[];
  refuse: { name: string; headers: [string, string][] }[];
}

export interface Finding {
  check: string;
  result: 'ok' | 'FAIL' | 'skipped';
  found: string;
}

export interface Parties {
  gateway: TlsMaterial;
  /** Another part of the same CA. */
  other: TlsMaterial;
}

/** The fields that a service can show of a caller. */
const SHOWN = ['kind', 'subject', 'issuer', 'client', 'scopes', 'roles', 'expires'] as const;

/**
 * Whether the service at `url` believes the gateway and nobody else, and reads the identity headers as they are meant
 * (docs/identity-headers.md). The path has to be one that answers the gateway with 2xx, best with the caller as JSON.
 */
export async function conformance(
  url: URL,
  { gateway, other }: Parties,
  vectors: Vectors,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const { ca } = gateway;
  const [whole] = vectors.accept;
  const good = whole?.headers.flat() ?? [];
  const asGateway = (headers: readonly string[]): Promise<Outcome> =>
    ask({ url, headers, tls: { ca, shown: gateway } });
  const note = (check: string, isOk: boolean, outcome: Outcome): void =>
    void findings.push({ check, result: isOk ? 'ok' : 'FAIL', found: inWords(outcome) });

  const baseline = await asGateway(good);
  note('the gateway is let in', isGood(baseline), baseline);
  if (baseline.status === undefined) return findings; // it is down, or is not of the CA
  const plain = new URL(url);
  plain.protocol = 'http:';
  const inClear = await ask({ url: plain, headers: good, tls: { ca } });
  note('nobody is let in without TLS', !isGood(inClear), inClear);
  const nameless = await ask({ url, headers: good, tls: { ca } });
  note('nobody is let in without a certificate', !isGood(nameless), nameless);
  const another = await ask({ url, headers: good, tls: { ca, shown: other } });
  note('another part with a certificate of the same CA is not let in', !isGood(another), another);
  const mute = await asGateway([]);
  note('a request without identity headers is refused', !isGood(mute), mute);

  for (const { name, headers } of vectors.refuse) {
    const outcome = await asGateway(headers.flat());
    note(`refused: ${name}`, isRefusal(outcome), outcome);
  }
  const showsCaller = shownBy(baseline)?.['subject'] === whole?.identity.subject;
  for (const { name, headers, identity } of vectors.accept) {
    const outcome = await asGateway(headers.flat());
    const check = `read: ${name}`;
    if (!isGood(outcome)) note(check, false, outcome);
    else if (!showsCaller) findings.push({ check, result: 'skipped', found: 'the answer shows no caller' });
    else {
      const wrong = differences(shownBy(outcome), identity);
      findings.push({ check, result: wrong === '' ? 'ok' : 'FAIL', found: wrong || inWords(outcome) });
    }
  }
  return findings;
}

const isGood = ({ status = 0 }: Outcome): boolean => status >= 200 && status < 300;
const isRefusal = ({ status = 0 }: Outcome): boolean => status >= 400 && status < 500;

const inWords = ({ status, error = '' }: Outcome): string =>
  status === undefined ? error : `answered ${status}`;

/** The caller as the service tells it: the answer itself, or its `identity`. */
function shownBy({ body = '' }: Outcome): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(body) as Record<string, unknown> | null;
    return (value?.['identity'] as Record<string, unknown> | undefined) ?? value ?? undefined;
  } catch {
    return undefined;
  }
}

/** What the service shows, and is not so. What it does not show at all, but for the subject, is its own affair. */
function differences(shown: Record<string, unknown> | undefined, identity: Identity): string {
  return SHOWN.filter((field) => field === 'subject' || shown?.[field] !== undefined)
    .filter((field) => JSON.stringify(shown?.[field] ?? null) !== JSON.stringify(identity[field] ?? null))
    .map(
      (field) => `${field} is ${JSON.stringify(shown?.[field])} and not ${JSON.stringify(identity[field])}`,
    )
    .join('; ');
}
