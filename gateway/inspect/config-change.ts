/** What a change of the config means to those who use it, the most dangerous first. */
export const EFFECTS = [
  ['opened', 'AUTH REQUIRED → PUBLIC'],
  ['weaker', 'weaker auth'],
  ['stronger', 'stronger auth'],
  ['removed', 'removed routes'],
  ['added', 'new routes'],
  ['destination', 'other destination'],
  ['limits', 'limits'],
  ['other', 'other settings of routes'],
  ['issuers', 'issuers'],
  ['settings', 'settings of the gateway'],
  ['restart', 'needs a restart'],
] as const;

export type Effect = (typeof EFFECTS)[number][0];

export interface ConfigChange {
  effect: Effect;
  /** A request such as `GET /api/orders`, or the place of a setting. */
  where: string;
  what: string;
  /** `file:line` in the new config, or in the old one for what is gone. */
  source: string | null;
}

export const listText = (items: readonly string[]): string => items.join(', ');
