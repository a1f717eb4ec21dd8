/**
 * What a request has to carry for a route, beside host, method and path. A text: it is there exactly once, with that
 * value (what is there twice is read by some servers as the first and by others as the last).
 */
export interface RouteCondition {
  part: 'header' | 'query';
  /** A header's in lower case. */
  name: string;
  needs: { value: string } | 'present' | 'absent';
}
