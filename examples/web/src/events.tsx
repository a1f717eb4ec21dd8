import { useState } from 'preact/hooks';
import type { LiveEvent } from './live-stream.js';
import { Heading, Time } from './parts.js';

/** One comes each second: read out only for whoever asks for that. */
export function Events({ events }: { events: readonly LiveEvent[] }) {
  const [frozen, setFrozen] = useState<readonly LiveEvent[]>();
  const [isReadOut, setReadOut] = useState(false);
  const shown = frozen ?? events;
  return (
    <>
      <Heading>Live events</Heading>
      <section class="card" aria-labelledby="stream">
        <div class="row">
          <h2 id="stream">Stream</h2>
          <label class="check">
            <input
              type="checkbox"
              checked={isReadOut}
              onChange={(event) => setReadOut(event.currentTarget.checked)}
            />
            Read out
          </label>
          <button
            type="button"
            aria-pressed={frozen !== undefined}
            onClick={() => setFrozen(frozen === undefined ? events : undefined)}
          >
            Pause
          </button>
        </div>
        <p class="small muted">
          Server-sent events through the gateway, with your token. It ends the stream when your session ends.
        </p>
        {shown.length === 0 && <p class="empty">Waiting for the first event…</p>}
        <div class="events" role="log" aria-labelledby="stream" aria-live={isReadOut ? 'polite' : 'off'}>
          <ol class="list">
            {shown.map(({ id, at }) => (
              <li key={`${id} ${at}`}>
                <span class="grow">Event {id}</span>
                <span class="small muted">
                  <Time at={at} precision="second" />
                </span>
              </li>
            ))}
          </ol>
        </div>
      </section>
    </>
  );
}
