import { Type } from 'typebox';
import { closed, Duration, Secret } from './common.js';

export const MIN_SECRET_CHARACTERS = 32;

/** The keys that sign `x-identity-assertion`. */
export const Assertions = Type.Object(
  {
    secret: Type.Optional(
      Secret(
        'the keys are derived from it, so that several gateways have the same; 32 characters or more, or file: and a path; empty: keys of this process alone',
      ),
    ),
    rotation: Type.Optional(Duration('how often the key changes; default 24h')),
  },
  closed,
);
