const LOOPBACK = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;

/**
 * What keeps a URL from being fetched safely, in words, or undefined: https is demanded; http only to this very
 * machine, where `allowLoopbackHttp` says so. Secrets in a URL end up in logs, so none may be in it.
 */
export function whyNotSecure(url: string, allowLoopbackHttp: boolean): string | undefined {
  if (!URL.canParse(url)) return 'is no URL';
  const { protocol, hostname, username, password, hash } = new URL(url);
  if (username !== '' || password !== '') return 'holds a user name or a password';
  if (hash !== '') return 'has a fragment';
  if (protocol === 'https:') return undefined;
  if (protocol !== 'http:') return 'is not https';
  if (!allowLoopbackHttp) return 'is not https (an identity provider on this machine: insecure_http: true)';
  return LOOPBACK.test(hostname)
    ? undefined
    : 'is http, and not on this machine: insecure_http is for loopback';
}
