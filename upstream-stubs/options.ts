import { type Static, Type } from 'typebox';
import { type Env, readConfigFile } from '../kit/config-file.js';

export const STUB_NAMES = ['orders', 'profile', 'echo', 'events', 'web'] as const;
export type StubName = (typeof STUB_NAMES)[number];

const closed = { additionalProperties: false } as const;

const StubSchema = Type.Object(
  {
    listen: Type.Object(
      {
        host: Type.String({ minLength: 1, description: 'Address to listen on.' }),
        port: Type.Integer({ minimum: 0, maximum: 65_535, description: '0 takes any free port.' }),
      },
      closed,
    ),
    tls: Type.Object(
      {
        ca: Type.String({ minLength: 1, description: 'PEM file of the internal CA.' }),
        cert: Type.String({ minLength: 1, description: "PEM file of this stub's certificate." }),
        key: Type.String({ minLength: 1, description: "PEM file of this stub's key." }),
      },
      closed,
    ),
  },
  closed,
);

const WebSchema = Type.Object(
  {
    ...StubSchema.properties,
    files: Type.String({
      description: 'Folder of the page. Empty: the example app, as `npm run build` makes it.',
    }),
  },
  closed,
);

/** One section for each stub; a process that runs only some of them reads the certificates of those alone. */
export const StubsSchema = Type.Object(
  { orders: StubSchema, profile: StubSchema, echo: StubSchema, events: StubSchema, web: WebSchema },
  closed,
);

export type StubConfig = Static<typeof StubSchema>;
export type StubsConfig = Static<typeof StubsSchema>;

/** Reads and checks the config file. Throws ConfigError with everything that is wrong. */
export function loadStubsConfig(configPath: string, env: Env): StubsConfig {
  return readConfigFile(configPath, StubsSchema, env).value;
}
