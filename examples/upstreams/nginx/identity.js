// The caller as the gateway verified it (docs/identity-headers.md), for njs.
export default { caller, subject };

const GATEWAY_ID = 'spiffe://gatehouse.internal/gateway';
const KINDS = ['user', 'service', 'api-key', 'certificate', 'anonymous'];
const TEXTS = ['subject', 'issuer', 'client', 'session', 'token'];
const LISTS = ['scopes', 'roles'];
const NAMES = ['version', 'kind', 'expires'].concat(TEXTS, LISTS);

function caller(r) {
  const identity = read(r);
  return identity === undefined ? '' : JSON.stringify(identity);
}

/** Percent-encoded, so that no byte of it can break out of a header. */
function subject(r) {
  const identity = read(r);
  return identity === undefined || identity.subject === undefined ? '' : encode(identity.subject);
}

function read(r) {
  try {
    // Another service of the CA has a good certificate, too, and is not the gateway.
    const uris = uriNames(r.variables.ssl_client_raw_cert);
    return uris.length === 1 && uris[0] === GATEWAY_ID ? identityOf(r.rawHeadersIn) : undefined;
  } catch (_error) {
    return undefined;
  }
}

function identityOf(raw) {
  const sent = {};
  raw.forEach((pair) => {
    const name = pair[0].toLowerCase().replace(/^x-identity-/, '');
    if (name === pair[0].toLowerCase() || !NAMES.includes(name)) return;
    if (sent[name] !== undefined) throw new Error('a header that comes twice has no one value');
    sent[name] = pair[1];
  });
  const isAnonymous = sent.kind === 'anonymous';
  if (sent.version !== '1' || !KINDS.includes(sent.kind) || isAnonymous !== (sent.subject === undefined))
    throw new Error('not what the gateway writes');
  const identity = { kind: sent.kind };
  TEXTS.forEach((name) => {
    if (sent[name] !== undefined) identity[name] = decode(sent[name]);
  });
  LISTS.forEach((name) => {
    identity[name] = sent[name] ? sent[name].split(' ').map(decode) : [];
  });
  if (sent.expires !== undefined) {
    if (!/^(0|[1-9][0-9]{0,14})$/.test(sent.expires)) throw new Error('not a time');
    identity.expires = Number(sent.expires);
  }
  return identity;
}

/** Takes the one spelling that the gateway writes: %61lice is not alice. */
function decode(value) {
  const text = decodeURIComponent(value);
  if (text === '' || encode(text) !== value) throw new Error('not as the gateway writes it');
  return text;
}

function encode(text) {
  let out = '';
  Buffer.from(text).forEach((byte) => {
    const isPlain = byte > 0x20 && byte < 0x7f && byte !== 0x25;
    out += isPlain
      ? String.fromCharCode(byte)
      : `%${(byte < 16 ? '0' : '') + byte.toString(16).toUpperCase()}`;
  });
  return out;
}

/** The URIs among the certificate's subjectAltName (RFC 5280 section 4.2.1.6), by way of its DER. */
function uriNames(pem) {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const tbs = children(children(der)[0].value)[0];
  const extensions = children(tbs.value).filter((one) => one.tag === 0xa3)[0];
  const names = children(children(extensions.value)[0].value)
    .map((extension) => children(extension.value))
    .filter((parts) => parts[0].value.toString('hex') === '551d11')
    .map((parts) => children(children(parts[parts.length - 1].value)[0].value));
  return names[0].filter((name) => name.tag === 0x86).map((name) => name.value.toString());
}

function children(der) {
  const found = [];
  let at = 0;
  while (at < der.length) {
    const tag = der[at];
    let length = der[at + 1];
    at += 2;
    if (length > 0x80) {
      const bytes = length - 0x80;
      length = der.readUIntBE(at, bytes);
      at += bytes;
    }
    found.push({ tag, value: der.slice(at, at + length) });
    at += length;
  }
  return found;
}
