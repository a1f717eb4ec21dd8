/** A checked `Host` as names are compared: in lower case, without its port and its final dot. */
export function hostName(host: string): string {
  return host
    .replace(/:[0-9]+$/, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

/** The wildcard that a name falls under: one label and no more, as in certificates (RFC 9525 section 6.3). */
export function wildcardOf(name: string): string {
  return `*${name.slice(Math.max(name.indexOf('.'), 0))}`;
}
