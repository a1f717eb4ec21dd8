import type { Identity } from 'gatehouse/client';
import { Ended } from './ended.js';
import { Events } from './events.js';
import type { LiveStatus } from './live-stream.js';
import { Login } from './login.js';
import { Orders } from './orders.js';
import { ErrorNotice, Heading, Mark } from './parts.js';
import { client, leave, useSession } from './session.js';
import { Sessions } from './sessions.js';
import { useAction } from './use-action.js';
import { useLiveEvents } from './use-live-events.js';
import { useView, VIEWS, type View } from './use-view.js';

export function App() {
  const { state, retry, dismiss } = useSession();
  switch (state.is) {
    case 'unknown':
      return <p class="splash muted">Loading…</p>;
    case 'unreachable':
      return (
        <main class="narrow">
          <div class="card">
            <Heading>No answer</Heading>
            <ErrorNotice error={state.error} />
            <p class="muted">You have not been signed out: this page goes on trying.</p>
            <button type="button" class="primary" onClick={retry}>
              Try again
            </button>
          </div>
        </main>
      );
    case 'in':
      return <Shop identity={state.identity} />;
    case 'out':
      if (state.how === 'ended') return <Ended reason={state.reason} onSignIn={dismiss} />;
      return <Login notice={state.how === 'left' ? 'You are signed out.' : undefined} />;
  }
}

const NAMES: Readonly<Record<View, string>> = { orders: 'Orders', events: 'Events', sessions: 'Sessions' };

function Shop({ identity }: { identity: Identity }) {
  const view = useView();
  const { status, events } = useLiveEvents();
  return (
    <>
      <header>
        <div class="bar">
          <span class="brand">
            <Mark />
            Gatehouse
          </span>
          <nav aria-label="Views">
            {VIEWS.map((name) => (
              <a key={name} href={`#${name}`} aria-current={name === view ? 'page' : undefined}>
                {NAMES[name]}
              </a>
            ))}
          </nav>
          <Status status={status} />
          <SignOut />
        </div>
      </header>
      <main>
        {view === 'orders' && <Orders />}
        {view === 'events' && <Events events={events} />}
        {view === 'sessions' && <Sessions identity={identity} />}
      </main>
    </>
  );
}

const STATUS: Readonly<Record<LiveStatus, string>> = {
  connecting: 'Connecting',
  live: 'Live',
  waiting: 'Reconnecting',
};

function Status({ status }: { status: LiveStatus }) {
  return (
    <span class={`status ${status}`} role="status" aria-label="Connection">
      {STATUS[status]}
    </span>
  );
}

function SignOut() {
  const { start, isBusy, error } = useAction(() => leave(() => client.logout()));
  return (
    <span class="sign-out">
      <button type="button" aria-disabled={isBusy} onClick={() => start()}>
        Sign out
      </button>
      <ErrorNotice error={error} />
    </span>
  );
}
