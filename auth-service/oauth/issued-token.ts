import type { Origin } from '../stores/audit.js';
import type { AuthenticatedClient } from './authenticate-client.js';
import type { FormParameters } from './form-parameters.js';

/** A token request whose client, and DPoP key if it has one, are proved. */
export interface GrantRequest {
  client: AuthenticatedClient;
  form: FormParameters;
  /** Thumbprint of the DPoP key; undefined without a proof. */
  jkt: string | undefined;
  origin: Origin;
}

/** What a token response tells (RFC 6749 section 5.1). */
export interface IssuedToken {
  accessToken: string;
  isDpop: boolean;
  expiresInS: number;
  scopes: readonly string[];
  refreshToken?: string;
}
