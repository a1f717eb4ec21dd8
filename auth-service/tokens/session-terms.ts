import { FIRST_PARTY_CLIENT_ID } from '../../contracts/access-token.js';

/** On what terms a session is begun or refreshed; everything in it has been proved. */
export interface SessionTerms {
  /** Whose session it is. */
  clientId: string;
  /** Thumbprint of the DPoP key; undefined when none was shown. */
  jkt: string | undefined;
  /** What of the account's scopes the access token gets. May throw what the caller wants to be told. */
  narrow(scopes: readonly string[]): readonly string[];
}

/** People's own apps: the public client that gets all that the account may. */
export function firstPartyTerms(jkt: string | undefined): SessionTerms {
  return { clientId: FIRST_PARTY_CLIENT_ID, jkt, narrow: (scopes) => scopes };
}
