import { Type } from 'typebox';
import { IdentityHeaders } from './auth-profile.js';
import { closed, Targets } from './common.js';

export const InternalTls = Type.Object(
  {
    ca: Type.String({ description: 'CA certificates that upstreams are verified against (PEM file)' }),
    cert: Type.String({ description: 'the certificate that the gateway shows to upstreams (PEM file)' }),
    key: Type.String({ description: 'its private key (PEM file)' }),
  },
  closed,
);

export const Upstream = Type.Object(
  {
    url: Targets('one target, or several that are equal'),
    spiffe_id: Type.String({ pattern: '^spiffe://', description: 'who has to answer there' }),
    allow_link_local: Type.Optional(
      Type.Boolean({
        description:
          'a target may be a link-local or cloud metadata address; for a service that really is there',
      }),
    ),
    identity_headers: Type.Optional(IdentityHeaders),
    assertion: Type.Optional(
      Type.Boolean({
        description: 'send x-identity-assertion, a JWT signed by the gateway for this upstream',
      }),
    ),
  },
  closed,
);
