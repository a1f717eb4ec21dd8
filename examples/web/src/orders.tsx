import type { GatehouseError } from 'gatehouse/client';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { call, post } from './api.js';
import { DoneNotice, ErrorNotice, Heading, Time } from './parts.js';
import { useAction } from './use-action.js';

interface Order {
  id: string;
  item: string;
  quantity: number;
  created_at: string;
}

export function Orders() {
  const [orders, setOrders] = useState<readonly Order[]>();
  const [done, setDone] = useState('');
  const load = useAction(
    useCallback(async () => {
      const answer = await call<{ orders: Order[] }>('/api/orders');
      setOrders(answer.orders.toReversed());
    }, []),
  );
  useEffect(() => load.start(), []);

  return (
    <>
      <Heading>Orders</Heading>
      <div class="columns">
        <NewOrder
          onOrder={(order) => {
            setOrders((others = []) => [order, ...others]);
            setDone(`Ordered: ${order.quantity} × ${order.item}`);
          }}
        />
        <section class="card" aria-labelledby="your-orders">
          <div class="row">
            <h2 id="your-orders">Your orders</h2>
            <button type="button" onClick={() => load.start()} aria-disabled={load.isBusy}>
              Refresh
            </button>
          </div>
          <DoneNotice>{done}</DoneNotice>
          <ErrorNotice error={load.error} />
          <OrderList orders={orders} error={load.error} />
        </section>
      </div>
    </>
  );
}

function OrderList(props: { orders: readonly Order[] | undefined; error: GatehouseError | undefined }) {
  const { orders, error } = props;
  if (orders === undefined) return error === undefined ? <p class="muted">Loading…</p> : null;
  if (orders.length === 0) return <p class="empty">Nothing here yet. Your first order will be.</p>;
  return (
    <ul class="list orders" aria-labelledby="your-orders">
      {orders.map(({ id, item, quantity, created_at: createdAt }) => (
        <li key={id}>
          <span class="quantity">{quantity} ×</span>
          <span class="grow entry">
            <b>{item}</b>
            <span class="small muted">
              <Time at={createdAt} />
            </span>
          </span>
        </li>
      ))}
    </ul>
  );
}

function NewOrder({ onOrder }: { onOrder: (order: Order) => void }) {
  const [item, setItem] = useState('');
  const [quantity, setQuantity] = useState('1');
  const { start, isBusy, error } = useAction(async () => {
    const order = await post<Order>('/api/orders', { item: item.trim(), quantity: Number(quantity) });
    setItem('');
    setQuantity('1');
    onOrder(order);
    document.getElementById('item')?.focus();
  });
  return (
    <section class="card" aria-labelledby="new-order">
      <h2 id="new-order">New order</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          start();
        }}
      >
        <label for="item">Item</label>
        <input
          id="item"
          required
          maxLength={200}
          pattern=".*\S.*"
          title="What you want to order"
          autocomplete="off"
          value={item}
          onInput={(event) => setItem(event.currentTarget.value)}
        />
        <label for="quantity">Quantity</label>
        <input
          id="quantity"
          type="number"
          inputMode="numeric"
          min={1}
          max={1000}
          required
          value={quantity}
          onInput={(event) => setQuantity(event.currentTarget.value)}
        />
        <ErrorNotice error={error} />
        <button type="submit" class="primary wide" aria-disabled={isBusy}>
          {isBusy ? 'Ordering…' : 'Order'}
        </button>
      </form>
    </section>
  );
}
