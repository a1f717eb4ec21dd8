import { explainEnding } from './explain.js';
import { Heading } from './parts.js';

/** What happened to a session that this page did not end itself. */
export function Ended({ reason, onSignIn }: { reason: string; onSignIn: () => void }) {
  const { title, text } = explainEnding(reason);
  return (
    <main class="narrow">
      <div class="card ended">
        <svg class="sign" viewBox="0 0 48 48" aria-hidden="true">
          <path d="M14 22v-6a10 10 0 0 1 20 0v6M10 22h28v18H10zM24 29v5" />
        </svg>
        <div role="alert">
          <Heading>{title}</Heading>
          <p>{text}</p>
        </div>
        <button type="button" class="primary" onClick={onSignIn}>
          Sign in again
        </button>
        <p class="small muted">
          Reason: <code>{reason}</code>
        </p>
      </div>
    </main>
  );
}
