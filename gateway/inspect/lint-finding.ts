import type { Route } from '../pipeline/route.js';

export const SEVERITIES = ['error', 'warning', 'note'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Every rule and how much it weighs. Names are stable, for ignores; `docs/config-commands.md` explains each. */
export const LINT_RULES = {
  'report-only': 'error',
  'insecure-http': 'error',
  'revocation-off': 'error',
  'admin-any-certificate': 'warning',
  'condition-picks-access': 'warning',
  'host-fallback-public': 'warning',
  'public-wildcard': 'warning',
  'public-no-rate-limit': 'warning',
  'wide-cors': 'warning',
  'plain-origin': 'warning',
  'stale-allowed': 'warning',
  'token-forwarded': 'warning',
  'body-on-get': 'warning',
  'no-idle-timeout': 'warning',
  'no-stream-idle-timeout': 'warning',
  'long-lifetime': 'warning',
  'long-leeway': 'warning',
  'http2-without-tls': 'note',
  'unused-rate-limit': 'note',
  'host-fallback': 'note',
  'public-route': 'note',
  'any-caller': 'note',
  'long-timeout': 'note',
  'large-body': 'note',
} as const satisfies Record<string, Severity>;

export type LintRule = keyof typeof LINT_RULES;

export interface LintFinding {
  rule: LintRule;
  severity: Severity;
  /** A route's id, or the place of a setting. */
  where: string;
  message: string;
  /** `file:line` */
  source: string;
}

/** Adds a finding about one part of the config. */
export type Find = (rule: LintRule, message: string) => void;

export function finding(rule: LintRule, message: string, where: string, source: string): LintFinding {
  return { rule, severity: LINT_RULES[rule], where, message, source };
}

export const aboutRoute = (rule: LintRule, message: string, { id, source }: Route): LintFinding =>
  finding(rule, message, id, source);
