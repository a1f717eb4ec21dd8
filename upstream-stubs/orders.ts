import { randomUUID } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Problem } from '../contracts/problem.js';
import type { Clock } from '../kit/clock.js';
import { type Identity, requireScope } from '../upstream-kit/index.js';
import type { StubServer } from './create-server.js';

/** The newest of each caller; older ones are dropped, so that an example left running does not grow for ever. */
const MAX_ORDERS_PER_CALLER = 1000;

const NewOrder = Type.Object(
  {
    item: Type.String({ minLength: 1, maxLength: 200 }),
    quantity: Type.Integer({ minimum: 1, maximum: 1000 }),
  },
  { additionalProperties: false },
);

interface Order extends Static<typeof NewOrder> {
  id: string;
  /** RFC 3339. */
  created_at: string;
}

/** Orders in memory, each caller's own. */
export function addOrders(app: StubServer, clock: Clock): void {
  const ordersByOwner = new Map<string, Map<string, Order>>();
  const read = { preHandler: requireScope('orders:read') };
  const write = { preHandler: requireScope('orders:write') };

  app.get('/api/orders', read, ({ identity }) => ({
    subject: identity.subject,
    orders: [...(ordersByOwner.get(ownerOf(identity))?.values() ?? [])],
  }));

  app.get<{ Params: { id: string } }>('/api/orders/:id', read, ({ identity, params }, reply) => {
    const order = ordersByOwner.get(ownerOf(identity))?.get(params.id);
    return order ?? reply.callNotFound(); // somebody else's is as unknown as one that never was
  });

  app.post('/api/orders', write, ({ identity, body }, reply) => {
    if (!Value.Check(NewOrder, body)) throw new Problem('json_invalid');
    const order: Order = { id: randomUUID(), ...body, created_at: new Date(clock.now()).toISOString() };
    const own = ordersByOwner.get(ownerOf(identity)) ?? new Map<string, Order>();
    ordersByOwner.set(ownerOf(identity), own.set(order.id, order));
    if (own.size > MAX_ORDERS_PER_CALLER) own.delete(own.keys().next().value ?? '');
    return reply.code(201).header('location', `/api/orders/${order.id}`).send(order);
  });
}

/** A subject is unique within its issuer only (RFC 7519 section 4.1.2). */
const ownerOf = ({ issuer, subject }: Identity): string => JSON.stringify([issuer, subject]);
