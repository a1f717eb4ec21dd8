import type { Agent } from 'undici';
import type { Clock } from '../kit/clock.js';
import type { Logger } from '../kit/logger.js';
import { durationMs } from '../kit/units.js';
import { fingerprint } from '../kit/watched-files.js';
import { JwksCache, type JwksCacheOptions } from './adapters/jwks-cache.js';
import { createKeyFile } from './adapters/key-file.js';
import type { KeySet } from './adapters/key-set.js';
import { SwitchedDispatcher } from './adapters/switched-dispatcher.js';
import type { UpstreamConnections, UpstreamSet } from './adapters/upstream-connections.js';
import { createAgent, locateKeys } from './locate-keys.js';
import type { IssuerConfig } from './routing/schema.js';

export interface IssuerKeysDeps {
  upstreams: UpstreamConnections;
  clock: Clock;
  logger: Logger;
  /** For keys that come from elsewhere; `id` is that of {@link keySetId}. Default: each process fetches its own. */
  makeKeySet?: ((id: string, options: JwksCacheOptions) => KeySet) | undefined;
}

/** The key set of one issuer and the connections that it is fetched over. */
export class IssuerKeys {
  readonly cache: KeySet;
  /** Its keys come from elsewhere, which may be away at any time. */
  readonly isRemote: boolean;
  readonly #dispatcher: SwitchedDispatcher;
  /** Its own connections; undefined where it is fetched over an upstream's. */
  #own: { ca: string | undefined; agent: Agent } | undefined;

  /** Fetches nothing before it is started. `set` is where its upstream is found until it is adopted. */
  constructor(
    name: string,
    issuer: IssuerConfig,
    { ca, keysDir, set }: { ca: string | undefined; keysDir: string | undefined; set: UpstreamSet },
    { upstreams, clock, logger, makeKeySet }: IssuerKeysDeps,
  ) {
    if (issuer.upstream === undefined) this.#own = { ca, agent: createAgent(ca) };
    this.#dispatcher = new SwitchedDispatcher(this.#own?.agent ?? set.agent);
    const { fetch, source, isRemote } = locateKeys(issuer, this.#dispatcher, (upstream) =>
      upstreams.originOf(upstream),
    );
    this.isRemote = isRemote;
    const options: JwksCacheOptions = {
      name,
      issuer: issuer.issuer,
      source,
      algorithms: issuer.algorithms ?? ['ES256'],
      maxStalenessMs: durationMs(issuer.max_staleness ?? '24h'),
      fetch,
      file:
        keysDir === undefined || !isRemote ? undefined : createKeyFile(keysDir, name, issuer.issuer, source),
      clock,
      logger,
    };
    this.cache =
      isRemote && makeKeySet !== undefined
        ? makeKeySet(keySetId(name, issuer), options)
        : new JwksCache(options);
  }

  /** From now on fetched over connections as the config in force has them; the keys stay. */
  adopt(ca: string | undefined, upstreams: UpstreamConnections): void {
    if (this.#own === undefined) {
      this.#dispatcher.switchTo(upstreams.agent);
    } else if (this.#own.ca !== ca) {
      const { agent } = this.#own;
      this.#own = { ca, agent: createAgent(ca) };
      this.#dispatcher.switchTo(this.#own.agent);
      void agent.close();
    }
  }

  async stop(): Promise<void> {
    await this.cache.stop();
    await this.#own?.agent.destroy();
  }
}

/**
 * What makes it another key set when it changes. Audience, claims and the like do not, nor does the CA of its server. A
 * file of keys does with its content, so that a bad one is refused with the rest of the reload.
 */
export function keySetId(name: string, issuer: IssuerConfig): string {
  const { issuer: iss, jwks_uri, discovery, jwks_file, jwks, upstream, insecure_http } = issuer;
  const { algorithms, max_staleness } = issuer;
  const file = jwks_file === undefined ? undefined : fingerprint([jwks_file]);
  const place = { jwks_uri, discovery, jwks_file, file, jwks, upstream, insecure_http };
  return JSON.stringify({ name, iss, algorithms, max_staleness, ...place });
}
