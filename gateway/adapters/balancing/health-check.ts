import { IDENTITY_HEADERS, IDENTITY_VERSION } from '../../../contracts/identity-headers.js';
import type { Clock } from '../../../kit/clock.js';
import type { Random } from './choose-target.js';
import type { Target } from './target.js';
import type { HealthCheckSpec } from './upstream-spec.js';

export interface HealthCheckPorts {
  clock: Clock;
  random: Random;
  checked(isGood: boolean): void;
  /** The target has become healthy, or is no longer. */
  changed(): void;
}

/** So that the checks of many gateways spread out. */
const JITTER = 0.2;

/** What an upstream's own guard lets through: nobody in particular, on the gateway's certificate. */
const HEADERS = { [IDENTITY_HEADERS.version]: IDENTITY_VERSION, [IDENTITY_HEADERS.kind]: 'anonymous' };

/** Asks one target again and again how it is. Each time anew, handshake included: that is what a new request may need. */
export class HealthCheck {
  readonly #spec: HealthCheckSpec;
  readonly #target: Target;
  readonly #ports: HealthCheckPorts;
  readonly #stopped = new AbortController();
  #cancel: () => void = () => undefined;
  #inARow = 0;

  constructor(spec: HealthCheckSpec, target: Target, ports: HealthCheckPorts) {
    this.#spec = spec;
    this.#target = target;
    this.#ports = ports;
  }

  start(): void {
    void this.#checkAndGoOn();
  }

  stop(): void {
    this.#stopped.abort();
    this.#cancel();
  }

  async #checkAndGoOn(): Promise<void> {
    const isGood = await this.#ask();
    if (this.#stopped.signal.aborted) return;
    this.#ports.checked(isGood);
    this.#note(isGood);
    const { clock, random } = this.#ports;
    const delayMs = this.#spec.intervalMs * (1 + JITTER * (2 * random() - 1));
    this.#cancel = clock.after(delayMs, () => void this.#checkAndGoOn());
  }

  /** It takes several in a row that say otherwise. */
  #note(isGood: boolean): void {
    const target = this.#target;
    if (isGood === target.healthy) {
      this.#inARow = 0;
      return;
    }
    this.#inARow += 1;
    if (this.#inARow < (isGood ? this.#spec.healthy : this.#spec.unhealthy)) return;
    this.#inARow = 0;
    target.healthy = isGood;
    this.#ports.changed();
    if (!isGood) target.leaveWaiting();
  }

  async #ask(): Promise<boolean> {
    const { clock } = this.#ports;
    const client = this.#target.connections.single();
    const timeout = new AbortController();
    const cancel = clock.after(this.#spec.timeoutMs, () => timeout.abort());
    try {
      const { statusCode } = await client.request({
        path: this.#spec.path,
        method: 'GET',
        headers: HEADERS,
        signal: AbortSignal.any([timeout.signal, this.#stopped.signal]),
      });
      return statusCode >= 200 && statusCode < 300;
    } catch {
      return false;
    } finally {
      cancel();
      // Whatever of a body is still to come.
      void client.destroy();
    }
  }
}
