import { Type } from 'typebox';
import { closed, Port } from './common.js';

const ServerTls = Type.Object(
  {
    certificates: Type.Array(
      Type.Object({ cert: Type.String({ minLength: 1 }), key: Type.String({ minLength: 1 }) }, closed),
      {
        minItems: 1,
        description: 'PEM files, chosen by the host name that the client asks for; the first is the default',
      },
    ),
    client_ca: Type.Optional(
      Type.String({ minLength: 1, description: 'CA of client certificates; without it none is asked for' }),
    ),
  },
  closed,
);

export const PublicListen = Type.Object(
  {
    host: Type.String({ minLength: 1 }),
    port: Port,
    hosts: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        description:
          'host names that are served, without port; *.example.com stands for one label more; any other gets 421. Default: all',
      }),
    ),
    public_url: Type.Optional(
      Type.Union(
        [Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })],
        {
          description:
            'how clients reach this listener: https://api.example.com, or several; DPoP proofs name it',
        },
      ),
    ),
    tls: Type.Optional(ServerTls),
    http2: Type.Optional(
      Type.Boolean({ description: 'offer HTTP/2 where there is tls, beside HTTP/1.1; default true' }),
    ),
    trusted_proxies: Type.Optional(
      Type.Array(Type.String({ minLength: 2 }), {
        description: 'addresses and networks in front of the gateway whose X-Forwarded-* are believed',
      }),
    ),
  },
  closed,
);
