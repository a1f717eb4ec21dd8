import type { Identity, SessionSummary } from 'gatehouse/client';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { DoneNotice, ErrorNotice, Heading, Time } from './parts.js';
import { client, leave } from './session.js';
import { useAction } from './use-action.js';

export function Sessions({ identity }: { identity: Identity }) {
  const [sessions, setSessions] = useState<readonly SessionSummary[]>();
  const [done, setDone] = useState('');
  const load = useAction(useCallback(async () => setSessions(await client.sessions()), []));
  useEffect(() => load.start(), []);
  const end = useAction(async ({ id, device, current }: SessionSummary) => {
    if (current) return leave(() => client.endSession(id));
    const outcome = await client.endSession(id);
    setSessions((all) => all?.filter((session) => session.id !== id));
    setDone(`${device} is signed out${outcome === 'pending' ? ', everywhere in a moment' : ''}.`);
  });

  return (
    <>
      <Heading>Sessions</Heading>
      <section class="card" aria-labelledby="where">
        <div class="row">
          <h2 id="where">Where you are signed in</h2>
          <EndAll />
        </div>
        <DoneNotice>{done}</DoneNotice>
        <ErrorNotice error={load.error ?? end.error} />
        {sessions === undefined && load.error === undefined && <p class="muted">Loading…</p>}
        <ul class="list sessions" aria-labelledby="where">
          {sessions?.map((session) => (
            <li key={session.id}>
              <span class="grow">
                <span class="device">
                  <b id={`device-${session.id}`}>{session.device}</b>
                  {session.current && <span class="badge">This browser</span>}
                </span>
                <span class="small muted details">
                  Signed in <Time at={session.created_at} />
                </span>
                <span class="small muted details">
                  Last seen <Time at={session.last_used_at} />
                  {session.ip !== null && <> at {session.ip}</>}
                </span>
              </span>
              <button
                type="button"
                aria-describedby={`device-${session.id}`}
                aria-disabled={end.isBusy}
                onClick={() => end.start(session)}
              >
                Sign out
              </button>
            </li>
          ))}
        </ul>
      </section>
      <WhoYouAre identity={identity} />
    </>
  );
}

/** With a question first. A dialog of the browser's own: Escape closes it, and the focus stays inside, then returns. */
function EndAll() {
  const dialog = useRef<HTMLDialogElement>(null);
  const { start, isBusy, error } = useAction(() => leave(() => client.logoutAll()));
  return (
    <>
      <button type="button" class="danger" onClick={() => dialog.current?.showModal()}>
        Sign out everywhere
      </button>
      <dialog ref={dialog} aria-labelledby="end-all" aria-describedby="end-all-text">
        <h2 id="end-all">Sign out everywhere?</h2>
        <p id="end-all-text">All your sessions end on all devices within seconds, this one too.</p>
        <ErrorNotice error={error} />
        <div class="row end">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="button" class="danger solid" aria-disabled={isBusy} onClick={() => start()}>
            Sign out everywhere
          </button>
        </div>
      </dialog>
    </>
  );
}

/** For showing only: what anybody may do is the gateway's to decide. */
function WhoYouAre({ identity }: { identity: Identity }) {
  const rows = [
    ['Subject', identity.subject],
    ['Session', identity.sessionId],
    ['Roles', identity.roles.join(', ') || 'none'],
    ['Scopes', identity.scopes.join(', ') || 'none'],
  ];
  return (
    <section class="card" aria-labelledby="who">
      <h2 id="who">What the services are told about you</h2>
      <dl>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <code>{value}</code>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
