import { describeUpstream, targetTexts } from '../describe-upstream.js';
import { weightedTargets } from '../routing/schema/upstream.js';
import type { UpstreamConfig } from '../routing/schema.js';
import type { ConfigChange, Effect } from './config-change.js';

type Upstreams = Readonly<Record<string, UpstreamConfig>>;

/** Where requests go, and whom they trust there. The rest is how many of them and for how long. */
const DESTINATION = new Set(['targets', 'spiffe_id', 'protocol', 'allow_link_local']);
const IDENTITY = new Set(['identity_headers', 'assertion']);

const ANEW = 'its connections are made anew: requests and streams under way end on the old ones';

/** Upstreams by what they do: a default that is written out is no change. */
export function compareUpstreams(before: Upstreams, after: Upstreams): ConfigChange[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name): ConfigChange[] => {
    const [was, is] = [before[name], after[name]];
    const change = (effect: Effect, key: string, what: string): ConfigChange => ({
      ...{ effect, where: `upstreams.${name}${key}`, what, source: null },
    });
    if (is === undefined)
      return [change('destination', '', 'gone: its connections end when their requests have')];
    if (was === undefined)
      return [change('destination', '', `new: ${targetTexts(weightedTargets(is)).join(', ')}`)];
    const [old, now] = [describeUpstream(was), describeUpstream(is)];
    const changed = Object.keys(now).filter((key) => old[key] !== now[key]);
    const changes = changed.map((key) => change(effectOf(key), `.${key}`, `${old[key]} → ${now[key]}`));
    const drains = changed.some((key) => !IDENTITY.has(key) && !(key === 'targets' && haveSameUrls(was, is)));
    return drains ? [...changes, change('destination', '', ANEW)] : changes;
  });
}

function effectOf(key: string): Effect {
  if (DESTINATION.has(key)) return 'destination';
  return IDENTITY.has(key) ? 'other' : 'limits';
}

function haveSameUrls(was: UpstreamConfig, is: UpstreamConfig): boolean {
  const urls = (upstream: UpstreamConfig): string =>
    weightedTargets(upstream)
      .map(({ url }) => url)
      .join();
  return urls(was) === urls(is);
}
