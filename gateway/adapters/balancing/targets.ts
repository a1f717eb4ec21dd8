import type { Clock } from '../../../kit/clock.js';
import type { TlsMaterial } from '../../../kit/tls-files.js';
import { createTargetPool } from '../upstream-pool.js';
import { type UpstreamTls, upstreamTls } from '../upstream-tls.js';
import { Balancer, type ChooseFor } from './balancer.js';
import type { HasCaller } from './choose-by-hash.js';
import type { Random } from './choose-target.js';
import { HealthCheck } from './health-check.js';
import { Outliers } from './outliers.js';
import { Target } from './target.js';
import { addressOf, type Lookup, TargetAddresses } from './target-addresses.js';
import type { UpstreamRecord } from './upstream-record.js';
import type { TargetSpec, UpstreamSpec } from './upstream-spec.js';

export interface TargetsDeps {
  clock: Clock;
  random: Random;
  lookup: Lookup;
}

/** Divides by as many addresses as a name usually has without a rest. */
const SHARES = 2520;

/** One target of the config, and what its host name stands for. */
interface Named {
  url: string;
  weight: number;
  targets: readonly Target[];
  /** A reload has added it. */
  isNew: boolean;
  addresses: TargetAddresses;
}

/** The targets of one upstream: who they are, how they fare, and which one is next. */
export class Targets {
  readonly #origin: string;
  readonly #spec: UpstreamSpec;
  readonly #record: UpstreamRecord;
  readonly #deps: TargetsDeps;
  readonly #tls: UpstreamTls;
  readonly #outliers: Outliers;
  readonly #balancer: Balancer;
  readonly #named: readonly Named[];
  readonly #checks = new Map<Target, HealthCheck>();
  /** No longer at any address; what they have under way goes on. */
  readonly #leaving = new Set<Target>();
  #all: readonly Target[] = [];
  #weighted: readonly Target[] = [];
  #onTrial: readonly Target[] = [];
  #choose: ChooseFor = () => undefined;

  /** Opens nothing and sets no timer before `start`. Throws where `material` is no use to TLS. */
  constructor(spec: UpstreamSpec, material: TlsMaterial, record: UpstreamRecord, deps: TargetsDeps) {
    this.#origin = `https://${record.upstream}.upstream.invalid`;
    this.#spec = spec;
    this.#record = record;
    this.#deps = deps;
    this.#tls = upstreamTls(material, spec.spiffeId);
    this.#balancer = new Balancer(spec, deps);
    this.#outliers = new Outliers(spec.outliers, {
      targets: () => this.#weighted,
      moved: (target, before) => {
        if (target.state === 'in' && before !== 'suspected') target.easeIn(deps.clock);
        this.#arrange();
        record.moved(target, before);
      },
      clock: deps.clock,
    });
    this.#named = spec.targets.map((target) => this.#name(target));
    this.#arrange();
  }

  get all(): readonly Target[] {
    return this.#all;
  }

  /** Targets that may get requests. */
  get count(): number {
    return this.#weighted.length;
  }

  /** How long a request to a target on trial waits before it tries another one. */
  get patienceMs(): number {
    return this.#outliers.patienceMs;
  }

  start(): void {
    for (const named of this.#named) {
      const { url, targets, addresses } = named;
      named.isNew = this.#record.urls.size > 0 && !this.#record.urls.has(url);
      if (named.isNew) for (const target of targets) target.easeIn(this.#deps.clock);
      if (addresses.areFixed) for (const target of targets) this.#begin(target);
      else addresses.start();
    }
    this.#record.urls = new Set(this.#named.map(({ url }) => url));
    this.#outliers.start();
  }

  /** Other weights for the same targets. */
  weigh(targets: readonly TargetSpec[]): void {
    const weights = new Map(targets.map(({ url, weight }) => [url, weight]));
    for (const named of this.#named) named.weight = weights.get(named.url) ?? 0;
    this.#arrange();
  }

  /** Lets what is under way end. */
  async close(): Promise<void> {
    this.#stop();
    await Promise.all([...this.#all, ...this.#leaving].map(({ connections }) => connections.close()));
  }

  async destroy(): Promise<void> {
    this.#stop();
    await Promise.all([...this.#all, ...this.#leaving].map(({ connections }) => connections.destroy()));
  }

  /**
   * The next one; undefined when all of them are full. `mayBeATrial`: one that has to prove itself, if nobody tries it
   * already.
   */
  next(mayBeATrial: boolean, key: number): Target | undefined {
    if (this.#onTrial.length > 0) {
      const trial = this.#onTrial.find((target) =>
        this.#takesTrial(target, mayBeATrial && this.#balancer.prefers(target, this.#choose, key)),
      );
      if (trial !== undefined) return trial;
    }
    const chosen = this.#choose(key);
    return chosen?.hasRoom === true ? chosen : this.#anyBut([], key);
  }

  /** What a request is chosen a target by. */
  keyOf(caller: HasCaller): number {
    return this.#balancer.keyOf(caller);
  }

  /** One that is none of these, where there is one. It takes nobody's turn. */
  nextBut(tried: readonly Target[], key: number): Target | undefined {
    return this.#anyBut(tried, key) ?? this.next(false, key);
  }

  #anyBut(tried: readonly Target[], key: number): Target | undefined {
    const others = this.#weighted.filter((target) => target.hasRoom && !tried.includes(target));
    const well = others.filter((target) => target.isAvailable);
    return this.#balancer.anyOf(well.length > 0 ? well : others, key);
  }

  answered(target: Target, tookMs: number): void {
    target.answeredAt = this.#deps.clock.monotonic();
    this.#outliers.answered(target, tookMs);
  }

  failed(target: Target): void {
    this.#outliers.failed(target);
  }

  /** A request that can go on elsewhere loses little by it; others are put at risk only where no such one comes. */
  #takesTrial({ trial, onTrialSince }: Target, mayBeATrial: boolean): boolean {
    if (trial !== undefined) return false;
    return mayBeATrial || this.#deps.clock.monotonic() - onTrialSince > this.#spec.outliers.ejectMs;
  }

  /** Who may be chosen has changed. When nobody may, everybody is tried: an answer may still come of it. */
  #arrange(): void {
    for (const { weight, targets } of this.#named)
      for (const target of targets) target.weight = Math.round((weight * SHARES) / targets.length);
    this.#all = this.#named.flatMap(({ targets }) => targets);
    this.#weighted = this.#all.filter(({ weight }) => weight > 0);
    const available = this.#weighted.filter((target) => target.isAvailable);
    const candidates = available.length > 0 ? available : this.#weighted;
    this.#onTrial = this.#weighted.filter((target) => target.isOnTrial);
    this.#choose = this.#balancer.among(candidates);
  }

  #name({ url, weight }: TargetSpec): Named {
    const { dnsRefreshMs: refreshMs, allowsLinkLocal } = this.#spec;
    const { clock, lookup } = this.#deps;
    const named: Named = {
      url,
      weight,
      targets: [this.#open(url, undefined)],
      isNew: false,
      addresses: new TargetAddresses(addressOf(url).host, {
        ...{ clock, lookup, refreshMs, allowsLinkLocal },
        changed: (addresses) => this.#move(named, addresses),
      }),
    };
    return named;
  }

  /** What is still under way at an address that is gone goes on there. */
  #move(named: Named, addresses: readonly string[]): void {
    const before = named.targets;
    named.targets = addresses.map(
      (address) => before.find((target) => target.address === address) ?? this.#open(named.url, address),
    );
    const added = named.targets.filter((target) => !before.includes(target));
    const isFirst = before[0]?.address === undefined;
    if (named.isNew || !isFirst) for (const target of added) target.easeIn(this.#deps.clock);
    this.#arrange();
    for (const target of added) this.#begin(target);
    for (const target of before) if (!named.targets.includes(target)) this.#end(target);
  }

  #open(url: string, address: string | undefined): Target {
    const { host, port } = addressOf(url);
    const { protocol, connections: bounds } = this.#spec;
    const pool = createTargetPool({
      ...{ origin: this.#origin, host: address ?? host, port, protocol, bounds },
      ...{ tls: this.#tls, clock: this.#deps.clock },
    });
    return new Target(url, address, pool);
  }

  #begin(target: Target): void {
    target.connections.warm(this.#spec.connections.warm);
    const { health } = this.#spec;
    if (health === undefined) return;
    const { clock, random } = this.#deps;
    const check = new HealthCheck(health, target, {
      clock,
      random,
      checked: (isGood) => this.#record.checked(isGood),
      changed: () => {
        if (target.healthy) target.easeIn(clock);
        this.#arrange();
        this.#record.healthChanged(target);
      },
    });
    this.#checks.set(target, check);
    check.start();
  }

  #end(target: Target): void {
    this.#checks.get(target)?.stop();
    this.#checks.delete(target);
    target.cancelReturn();
    this.#leaving.add(target);
    const forget = (): void => void this.#leaving.delete(target);
    target.connections.close().then(forget, forget);
  }

  #stop(): void {
    this.#outliers.stop();
    for (const { addresses } of this.#named) addresses.stop();
    for (const check of this.#checks.values()) check.stop();
    for (const target of this.#all) target.cancelReturn();
  }
}
