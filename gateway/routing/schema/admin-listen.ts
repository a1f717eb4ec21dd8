import { Type } from 'typebox';
import { closed, Port, Secret } from './common.js';

const Pem = (description: string) => Type.String({ minLength: 1, description });

const AdminTls = Type.Object(
  {
    cert: Pem('PEM file with the certificate that callers are shown'),
    key: Pem('its key'),
    client_ca: Pem('PEM file with the CA of the certificates that callers have to show'),
    clients: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        description:
          'SPIFFE ids or DNS names; a caller\u2019s certificate has to carry one. Default: any of client_ca',
      }),
    ),
  },
  closed,
);

/** Either host and port or a socket: the checks see to it, whose words say more than a schema's. */
export const AdminListen = Type.Object(
  {
    host: Type.Optional(
      Type.String({ minLength: 1, description: 'any other address than loopback needs a token or tls' }),
    ),
    port: Type.Optional(Port),
    socket: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 80,
        description: 'path of a Unix socket, in place of host and port',
      }),
    ),
    socket_mode: Type.Optional(
      Type.Union([Type.Literal('0600'), Type.Literal('0660')], {
        description: 'who may use the socket: its owner, or its group as well; default 0600',
      }),
    ),
    tls: Type.Optional(AdminTls),
    token: Type.Optional(
      Secret(
        'bearer token that every call has to carry; 32 characters or more, or file: and a path; empty: none',
      ),
    ),
    hosts: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        description: 'host names that it may be called by, without port, besides localhost and addresses',
      }),
    ),
  },
  closed,
);
