import { takesEffectLive } from '../live-settings.js';
import type { OfflineGateway } from '../offline-explain.js';
import type { ConfigChange } from './config-change.js';
import { effectiveConfig } from './effective-config.js';

/** Compared by what they do to requests, or member by member. */
const ELSEWHERE = new Set(['routes', 'auth', 'defaults', 'rate_limits', 'issuers', 'upstreams']);

/** The settings of the gateway itself. Secrets are masked: one that changed is told by its name alone. */
export function compareSettings(before: OfflineGateway, after: OfflineGateway): ConfigChange[] {
  const [was, is] = [leaves(before.config), leaves(after.config)];
  const [wasShown, isShown] = [leaves(effectiveConfig(before)), leaves(effectiveConfig(after))];
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((path) => was.get(path) !== is.get(path))
    .map((path): ConfigChange => {
      const [old, now] = [wasShown.get(path) ?? 'none', isShown.get(path) ?? 'none'];
      const what = old === now ? 'a secret has changed' : `${old} → ${now}`;
      return takesEffectLive(path, was.has(path) && is.has(path))
        ? { effect: 'settings', where: path, what, source: null }
        : {
            effect: 'restart',
            where: path,
            what: `${what}; open connections end with the old process`,
            source: null,
          };
    });
}

/** Settings by their path, with values as JSON. Lists are one value. */
function leaves(value: unknown, path: readonly string[] = []): Map<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return new Map([[path.join('.'), JSON.stringify(value) ?? 'none']]);
  const members = Object.entries(value).filter(([key]) => path.length > 0 || !ELSEWHERE.has(key));
  return new Map(members.flatMap(([key, member]) => [...leaves(member, [...path, key])]));
}
