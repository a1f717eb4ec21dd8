const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/iPhone/, 'iPhone'],
  [/iPad/, 'iPad'],
  [/Android/, 'Android'],
  [/CrOS/, 'ChromeOS'],
  [/Windows/, 'Windows'],
  [/Mac OS X|Macintosh/, 'macOS'],
  [/Linux/, 'Linux'],
];

/** In this order: most browsers also name those that they want to be taken for. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/Edg(A|iOS)?\//, 'Edge'],
  [/OPR\/|Opera/, 'Opera'],
  [/SamsungBrowser\//, 'Samsung Internet'],
  [/Firefox\/|FxiOS\//, 'Firefox'],
  [/Chrome\/|CriOS\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];

const MAX_NAME_LENGTH = 40;

/**
 * What a person recognises a session by: `Firefox on Windows`, `Safari on iPhone`, or the name that a program gives
 * itself (`curl`). A hint from a header that anybody can set, nothing more.
 */
export function describeDevice(userAgent: string | undefined): string {
  const system = nameIn(SYSTEMS, userAgent);
  const browser = nameIn(BROWSERS, userAgent);
  if (browser !== undefined) return system === undefined ? browser : `${browser} on ${system}`;
  const program = /^[\w.-]+/.exec(userAgent ?? '')?.[0];
  if (program === undefined || program === 'Mozilla') return system ?? 'Unknown device';
  return program.slice(0, MAX_NAME_LENGTH);
}

function nameIn(known: readonly (readonly [RegExp, string])[], text = ''): string | undefined {
  return known.find(([pattern]) => pattern.test(text))?.[1];
}
