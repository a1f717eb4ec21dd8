import type { AccessRule } from '../pipeline/access-rule.js';
import type { CredentialSources } from '../pipeline/credential-sources.js';
import type { ProtectedRoute, Route } from '../pipeline/route.js';
import { type Effect, listText } from './config-change.js';
import { describeRule } from './describe-access.js';

export type Difference = readonly [effect: Effect, what: string];

/** Who gets in now and did not, and the other way round. */
export function compareAccess(before: Route, after: Route): Difference[] {
  if (before.access === 'public')
    return after.access === 'public' ? [] : [['stronger', 'was public, now needs auth']];
  if (after.access === 'public') return [['opened', 'needed auth, now anybody may call it']];
  return [
    ...compareReportOnly(before, after),
    ...compareSets('accepts tokens of', issuersOf(before), issuersOf(after)),
    ...compareSets('accepts', sourceNames(before.credentials), sourceNames(after.credentials)),
    ...compareRules(before.rules, rulesInNamesOf(before, after)),
    ...compareStale(before, after),
  ];
}

function compareReportOnly(before: ProtectedRoute, after: ProtectedRoute): Difference[] {
  if (before.reportOnly === after.reportOnly) return [];
  return after.reportOnly
    ? [['opened', 'report only now: who was refused gets through, as anonymous']]
    : [['stronger', 'no longer report only: refusals are carried out']];
}

function compareStale(before: ProtectedRoute, after: ProtectedRoute): Difference[] {
  if (before.onStale === after.onStale) return [];
  return after.onStale === 'allow'
    ? [['weaker', 'served while revocations are too old to go by']]
    : [['stronger', 'refused while revocations are too old to go by']];
}

const issuersOf = ({ issuers }: ProtectedRoute): string[] => issuers.map(({ issuer }) => issuer);

function sourceNames(sources: CredentialSources): string[] {
  return [
    ...(sources.bearer ? ['bearer tokens'] : []),
    ...(sources.dpop === undefined ? [] : ['DPoP tokens']),
    ...sources.cookies.map((name) => `the cookie ${name}`),
    ...(sources.apiKeyHeader === undefined ? [] : [`API keys in ${sources.apiKeyHeader}`]),
    ...(sources.websocket ? ['tokens as WebSocket subprotocol'] : []),
    ...(sources.certificate === undefined
      ? []
      : [`client certificates ${JSON.stringify(sources.certificate)}`]),
  ];
}

/** More ways in are weaker, fewer are stronger. */
function compareSets(verb: string, before: readonly string[], after: readonly string[]): Difference[] {
  const added = after.filter((item) => !before.includes(item));
  const gone = before.filter((item) => !after.includes(item));
  return [
    ...(added.length === 0 ? [] : [['weaker', `${verb} ${listText(added)} too`] as const]),
    ...(gone.length === 0 ? [] : [['stronger', `no longer ${verb} ${listText(gone)}`] as const]),
  ];
}

/** The rules of the one with the parameters as the other calls them: where they stand in the path is what counts. */
function rulesInNamesOf(other: ProtectedRoute, { pattern, rules }: ProtectedRoute): AccessRule[] {
  const [own, names] = [pattern.split('/'), other.pattern.split('/')];
  return rules.map((rule) => {
    if (rule.kind !== 'claim_is_param') return rule;
    const name = names[own.indexOf(`:${rule.param}`)];
    return name?.startsWith(':') === true ? { ...rule, param: name.slice(1) } : rule;
  });
}

/** Rules all have to hold, so each more makes it stronger; what a rule leaves open between, weaker. */
function compareRules(before: readonly AccessRule[], after: readonly AccessRule[]): Difference[] {
  const identity = ({ name: _, ...rule }: AccessRule): string => JSON.stringify(rule);
  const onlyIn = (rules: readonly AccessRule[], others: readonly AccessRule[]): AccessRule[] =>
    rules.filter((rule) => !others.some((other) => identity(other) === identity(rule)));
  const gone = onlyIn(before, after);
  const added = onlyIn(after, before);
  return [
    ...gone.flatMap((rule): Difference[] => {
      const replacement = added.find((other) => isAbout(other) === isAbout(rule));
      return replacement === undefined
        ? [['weaker', `no longer needs ${describeRule(rule)}`]]
        : compareRule(rule, replacement);
    }),
    ...added
      .filter((rule) => !gone.some((other) => isAbout(other) === isAbout(rule)))
      .map((rule): Difference => ['stronger', `needs ${describeRule(rule)}`]),
  ];
}

const isAbout = (rule: AccessRule): string => `${rule.kind} ${'claim' in rule ? rule.claim.join('.') : ''}`;

function compareRule(before: AccessRule, after: AccessRule): Difference[] {
  if (before.kind === 'scopes' && after.kind === 'scopes') {
    const gone = before.all.filter((scope) => !after.all.includes(scope));
    const added = after.all.filter((scope) => !before.all.includes(scope));
    return [
      ...(gone.length === 0 ? [] : [['weaker', `no longer needs the scopes ${gone.join(' ')}`] as const]),
      ...(added.length === 0 ? [] : [['stronger', `needs the scopes ${added.join(' ')} too`] as const]),
    ];
  }
  const [was, is] = [alternatives(before), alternatives(after)];
  const what = `needed ${describeRule(before)}, now ${describeRule(after)}`;
  return [
    ...(is.some((item) => !was.includes(item)) ? [['weaker', what] as const] : []),
    ...(was.some((item) => !is.includes(item)) ? [['stronger', what] as const] : []),
  ];
}

function alternatives(rule: AccessRule): readonly unknown[] {
  switch (rule.kind) {
    case 'scopes':
      return rule.all;
    case 'any_scope':
    case 'roles':
      return rule.any;
    case 'services':
      return rule.subjects;
    case 'claim':
      return rule.oneOf;
    case 'claim_is_param':
      return [rule.param];
  }
}
