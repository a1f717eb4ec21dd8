/** Names with a meaning of their own, which neither an identity nor an API key can have. All in lower case. */
const TAKEN =
  /^(?:host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|authorization|www-authenticate|cookie|set-cookie|dpop|date|origin|referer|range|user-agent|cache-control|pragma|forwarded|via|x-real-ip|x-request-id|x-original-url|x-rewrite-url|x-http-method.*|x-method-override|client-cert.*|x-gatehouse-mirror|accept|(?:proxy|sec|content|accept|if|access-control|x-forwarded|x-identity)-.*)$/;

export const isTakenHeader = (name: string): boolean => TAKEN.test(name);
