import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock } from '../../../kit/clock.js';
import { isMetadataAddress } from '../../../kit/metadata-address.js';

/** All addresses of a host name. Rejects where there are none. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** As everything on this machine does it: the hosts file and the resolver's own configuration count. */
export const lookupAddresses: Lookup = async (host) => {
  const found = await systemLookup(host, { all: true });
  return found.map(({ address }) => address);
};

export interface TargetAddressesPorts {
  clock: Clock;
  lookup: Lookup;
  refreshMs: number;
  allowsLinkLocal: boolean;
  /** Sorted, each once, at least one; only when they have changed. */
  changed(addresses: readonly string[]): void;
}

/** Follows what a host name stands for. Nothing that goes wrong takes addresses away. */
export class TargetAddresses {
  readonly #host: string;
  readonly #ports: TargetAddressesPorts;
  #known: readonly string[] = [];
  #cancel: () => void = () => undefined;
  #isStopped = false;

  constructor(host: string, ports: TargetAddressesPorts) {
    this.#host = host;
    this.#ports = ports;
  }

  /** The host is an address itself. */
  get areFixed(): boolean {
    return isIP(this.#host) !== 0;
  }

  start(): void {
    void this.#lookUpAndGoOn();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  async #lookUpAndGoOn(): Promise<void> {
    const { clock, lookup, refreshMs, allowsLinkLocal, changed } = this.#ports;
    const found = await lookup(this.#host).catch(() => []);
    if (this.#isStopped) return;
    // A name that is ours today may be made to point at the cloud's credentials tomorrow.
    const usable = found.filter((address) => allowsLinkLocal || !isMetadataAddress(address));
    const addresses = [...new Set(usable)].sort();
    if (addresses.length > 0 && addresses.join() !== this.#known.join()) {
      this.#known = addresses;
      changed(addresses);
    }
    this.#cancel = clock.after(refreshMs, () => void this.#lookUpAndGoOn());
  }
}

/** Of a target's URL; an IPv6 address without its brackets. */
export function addressOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) };
}
