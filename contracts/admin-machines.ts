/** The admin API for services and machines (`gatehouse clients`, `gatehouse api-keys`). Times are RFC 3339. */

export interface AdminClient {
  client_id: string;
  /** `sub` of its own tokens is `svc:` and this. */
  service: string;
  auth_method: 'client_secret' | 'private_key_jwt' | 'tls_client_auth';
  grants: ('client_credentials' | 'refresh_token')[];
  scopes: string[];
  /** What it may name as `resource`; the first is its default. */
  audiences: string[];
  /** Seconds; null: as long as everybody's. */
  token_ttl: number | null;
  dpop_bound_access_tokens: boolean;
  status: 'active' | 'disabled';
  created_at: string;
  /** Those that are live; two while one takes over from the other. */
  credentials: AdminCredential[];
}

export interface AdminCredential {
  id: string;
  /** Thumbprint of a public key. */
  kid?: string;
  /** `URI:…` or `DNS:…` of a certificate. */
  certificate_name?: string;
  created_at: string;
  expires_at: string | null;
}

/** `POST /clients` */
export interface AdminNewClient extends AdminNewCredential {
  client_id: string;
  service?: string;
  auth_method?: AdminClient['auth_method'];
  grants?: AdminClient['grants'];
  scopes?: string[];
  audiences?: string[];
  token_ttl?: number;
  dpop_bound_access_tokens?: boolean;
}

/** As the client's method asks; a secret is made here. */
export interface AdminNewCredential {
  jwk?: Record<string, unknown>;
  certificate_name?: string;
}

/** `POST /clients/:id/rotate`. `overlap` in seconds: how long what there was goes on; 0 revokes its tokens too. */
export interface AdminClientRotation extends AdminNewCredential {
  overlap: number;
}

/** The only time that the secret is told. */
export interface AdminClientCreated {
  client: AdminClient;
  client_secret?: string;
}

export interface AdminClientRotated extends AdminClientCreated {
  /** With overlap 0: the old credentials' tokens are refused everywhere (or soon will be). */
  revoked?: true;
  pending?: true;
}

export interface AdminApiKey {
  id: string;
  name: string;
  /** `sub` of its tokens is `svc:` and this. */
  service: string;
  scopes: string[];
  status: 'active' | 'expired' | 'revoked';
  created_at: string;
  expires_at: string | null;
  /** To a few minutes. */
  last_used_at: string | null;
  /** The id of the key that was made to take over. */
  replaced_by: string | null;
}

/** `POST /api-keys`; `expires_in` in seconds, without it the key does not expire. */
export interface AdminNewApiKey {
  name: string;
  service: string;
  scopes?: string[];
  expires_in?: number;
}

/** The only time that the key is told. */
export interface AdminApiKeyCreated {
  key: AdminApiKey;
  api_key: string;
  revoked?: true;
  pending?: true;
}
