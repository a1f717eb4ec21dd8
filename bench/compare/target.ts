export interface Target {
  url: string;
  /** Over HTTP/2; else HTTP/1.1. */
  http2?: boolean;
  /** Each request takes the next one, in turn. */
  tokens: readonly string[];
  /** Every token once, and then an end. */
  once?: boolean;
  /** What each answer has to be. */
  status: number;
}

export interface Saturation {
  requests: number;
  perSecond: number;
}
