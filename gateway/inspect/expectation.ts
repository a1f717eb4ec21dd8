import { type Static, Type } from 'typebox';
import { parse } from 'yaml';
import type { AssumedCaller } from '../../contracts/admin-explain.js';

const closed = { additionalProperties: false };
const Text = Type.String({ minLength: 1 });
const Texts = Type.Array(Text);

const As = Type.Object(
  {
    subject: Type.Optional(Text),
    scopes: Type.Optional(Texts),
    roles: Type.Optional(Texts),
    kind: Type.Optional(
      Type.Union([
        Type.Literal('user'),
        Type.Literal('service'),
        Type.Literal('api-key'),
        Type.Literal('certificate'),
      ]),
    ),
    client: Type.Optional(Text),
    issuer: Type.Optional(Text),
    claims: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  closed,
);

const Item = Type.Union([
  Text,
  Type.Object(
    {
      request: Text,
      as: Type.Optional(As),
      headers: Type.Optional(Type.Record(Type.String(), Type.String())),
      expect: Type.Union([Text, Type.Integer({ minimum: 100, maximum: 599 })]),
      route: Type.Optional(Text),
      sends: Type.Optional(Text),
      upstream_headers: Type.Optional(Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()]))),
    },
    closed,
  ),
]);

/** The file of `gatehouse test`. */
export const ExpectationsSchema = Type.Object(
  { config: Type.Optional(Text), tests: Type.Array(Item, { minItems: 1 }) },
  closed,
);

export interface Expectation {
  text: string;
  method: string;
  url: string;
  as: AssumedCaller | undefined;
  headers: [name: string, value: string][];
  /** The upstream's name when the request is to be forwarded. */
  from: string | undefined;
  /** Of what the gateway answers by itself. */
  status: number | undefined;
  code: string | undefined;
  /** The route's id. */
  route: string | undefined;
  /** Method and path as the upstream gets them. */
  sends: string | undefined;
  /** What the upstream gets under these names; null: nothing. */
  upstreamHeaders: Readonly<Record<string, string | null>>;
}

/** Undefined: it is none. One line is `GET /path as {scopes: [a]} → 200 from orders`, or `… → 403 insufficient_scope`. */
export function readExpectation(item: Static<typeof Item>): Expectation | undefined {
  if (typeof item !== 'string') return fromParts(item, `${item.request} → ${item.expect}`);
  const [, request, as, expect] = /^(\S+ \S+)(?: as (\{.*\}))? *(?:→|->) *(.+)$/.exec(item) ?? [];
  if (request === undefined || expect === undefined) return undefined;
  const caller = as === undefined ? undefined : (parse(as) as Static<typeof As>);
  return fromParts({ request, expect, ...(caller === undefined ? {} : { as: caller }) }, item);
}

function fromParts(item: Exclude<Static<typeof Item>, string>, text: string): Expectation | undefined {
  const [, method, url] = /^(\S+) (\S+)$/.exec(item.request) ?? [];
  const [, status, code, from] =
    /^([1-5][0-9]{2})(?: ([a-z_]+))??(?: from (\S+))?$/.exec(String(item.expect)) ?? [];
  if (method === undefined || url === undefined || status === undefined) return undefined;
  return {
    text,
    method,
    url,
    as: item.as === undefined ? undefined : ({ subject: 'tester', ...item.as } as AssumedCaller),
    headers: Object.entries(item.headers ?? {}),
    from,
    status: from === undefined ? Number(status) : undefined,
    code,
    route: item.route,
    sends: item.sends,
    upstreamHeaders: item.upstream_headers ?? {},
  };
}
