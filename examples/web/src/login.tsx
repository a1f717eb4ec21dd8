import { useState } from 'preact/hooks';
import { DoneNotice, ErrorNotice, Heading, Mark } from './parts.js';
import { client } from './session.js';
import { useAction } from './use-action.js';

/** What `npm start` prints. They exist in that mode only. */
const DEMO_ACCOUNTS = [
  { name: 'Demo user', email: 'demo@gatehouse.test', password: 'demo-password-please-change' },
  { name: 'Administrator', email: 'admin@gatehouse.test', password: 'admin-password-please-change' },
];

export function Login({ notice }: { notice: string | undefined }) {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const { start, isBusy, error } = useAction(async () => {
    await client.login({ email, password });
  });
  const isRefused = error?.code === 'invalid_credentials';

  return (
    <main class="narrow">
      <div class="card login">
        <Mark />
        <Heading isFirst={notice === undefined}>Sign in</Heading>
        <p class="muted">to an example shop behind Gatehouse</p>
        <DoneNotice>{notice}</DoneNotice>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            start();
          }}
        >
          <label for="email">E-mail address</label>
          <input
            id="email"
            type="email"
            autocomplete="username"
            required
            aria-invalid={isRefused}
            value={email}
            onInput={(event) => setEmail(event.currentTarget.value)}
          />
          <label for="password">Password</label>
          <input
            id="password"
            type="password"
            autocomplete="current-password"
            required
            aria-invalid={isRefused}
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
          <ErrorNotice error={error} />
          <button type="submit" class="primary wide" aria-disabled={isBusy}>
            {isBusy ? 'Signing in…' : 'Sign in'}
          </button>
        </form>
        <section class="demo" aria-labelledby="demo">
          <h2 id="demo">Accounts of “npm start”</h2>
          {DEMO_ACCOUNTS.map((account) => (
            <button
              key={account.email}
              type="button"
              class="account"
              onClick={() => {
                setEmail(account.email);
                setPassword(account.password);
                document.getElementById('password')?.focus();
              }}
            >
              <span>
                <b>{account.name}</b>
                <span class="small muted">{account.email}</span>
              </span>
              <span class="small fill">Fill in</span>
            </button>
          ))}
        </section>
      </div>
    </main>
  );
}
