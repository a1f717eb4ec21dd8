import { type Change, createClient, GatehouseError, type Identity } from 'gatehouse/client';
import { useEffect, useState } from 'preact/hooks';

/** The gateway has served this page. */
export const client = createClient({ baseUrl: location.origin });

export type SessionState =
  /** Who it is has been asked, as after a reload. */
  | { is: 'unknown' }
  /** It cannot be said: the gateway or the auth service does not answer. Nobody has been signed out by that. */
  | { is: 'unreachable'; error: GatehouseError }
  | { is: 'in'; identity: Identity }
  | { is: 'out'; how: Ending; reason: string };

/** `never`: nobody was signed in; `left`: by a button of this page; `ended`: by whatever `reason` says. */
export type Ending = 'never' | 'left' | 'ended';

let isLeaving = false;

/** Ends the session, or all of them, from this page: what follows needs no explanation. */
export async function leave(end: () => Promise<unknown>): Promise<void> {
  isLeaving = true;
  try {
    await end();
  } finally {
    isLeaving = false;
  }
}

const RETRY_MS = 3000;

/** After a reload, where there was no cookie. */
const NEVER_IN = 'refresh_token_missing';

/** Who is signed in, in whichever tab that was decided. */
export function useSession(): { state: SessionState; retry: () => void; dismiss: () => void } {
  const [state, setState] = useState<SessionState>({ is: 'unknown' });
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const show = ({ identity, reason }: Change): void => {
      const isOwn = isLeaving;
      if (identity !== undefined) setState({ is: 'in', identity });
      else setState((before) => ({ is: 'out', how: endingOf(reason, isOwn, before), reason }));
    };
    return client.onChange(show);
  }, []);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    client.getIdentity().catch((error: unknown) => {
      if (!(error instanceof GatehouseError)) throw error;
      setState({ is: 'unreachable', error });
      timer = setTimeout(() => setAttempt((done) => done + 1), error.retryAfterMs ?? RETRY_MS);
    });
    return () => clearTimeout(timer);
  }, [attempt]);

  return {
    state,
    retry: () => setAttempt((done) => done + 1),
    dismiss: () => setState((last) => (last.is === 'out' ? { ...last, how: 'never' } : last)),
  };
}

function endingOf(reason: string, isOwn: boolean, before: SessionState): Ending {
  if (isOwn) return 'left';
  return reason === NEVER_IN && before.is !== 'in' ? 'never' : 'ended';
}
