import { AsyncLocalStorage } from 'node:async_hooks';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

const injecting = new AsyncLocalStorage<true>();

/** Requests that `call` injects into an app are taken for the gateway's. For tests (`gatehouse/upstream/testing`). */
export const asInjected = <T>(call: () => T): T => injecting.run(true, call);

/** It came by no network at all, and a test has asked for it. A real connection never passes, whatever the test does. */
export function isInjected(socket: Duplex): boolean {
  return !(socket instanceof Socket) && injecting.getStore() === true;
}
