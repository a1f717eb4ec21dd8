/** Who is signed in, as the access token says. For showing: what anybody may do is the gateway's to decide. */
export interface Identity {
  subject: string;
  scopes: readonly string[];
  roles: readonly string[];
  sessionId: string;
}

/** Reads the claims without verifying them, which only the gateway can. */
export function identityOf(accessToken: string): Identity {
  const payload = accessToken.split('.')[1] ?? '';
  const bytes = Uint8Array.from(atob(payload.replace(/-/g, '+').replace(/_/g, '/')), (char) =>
    char.charCodeAt(0),
  );
  const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return {
    subject: text(claims['sub']),
    scopes: text(claims['scope'])
      .split(' ')
      .filter((scope) => scope !== ''),
    roles: Array.isArray(claims['roles']) ? claims['roles'].filter((role) => typeof role === 'string') : [],
    sessionId: text(claims['sid']),
  };
}
