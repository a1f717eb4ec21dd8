import type { ConfigCode } from '../../../contracts/config-problems.js';
import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import { isMetadataAddress } from '../../../kit/metadata-address.js';
import { whyNotSecure } from '../../../kit/secure-url.js';
import type { GatewayConfig, IssuerConfig } from '../schema.js';
import { checkName } from './check-name.js';

const KEY_SOURCES = ['jwks_uri', 'discovery', 'jwks_file', 'jwks'] as const;

export function checkIssuers(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  const taken = new Map<string, string>();
  return Object.entries(config.value.issuers).flatMap(([name, issuer]) => {
    const at: ConfigPath = ['issuers', name];
    const problem = (key: string, code: ConfigCode, message: string): ConfigProblem =>
      config.problem([...at, key], code, message);
    const problems = [
      ...checkSource(issuer, problem),
      ...checkUrls(issuer, problem),
      ...checkClaims(issuer, problem),
      ...checkType(issuer, problem),
    ];
    if (issuer.upstream !== undefined) {
      problems.push(
        ...checkName(config, [...at, 'upstream'], issuer.upstream, config.value.upstreams, 'upstream'),
      );
    }
    const other = taken.get(issuer.issuer);
    if (other !== undefined) {
      const message = `"${other}" has the same issuer, so nobody could tell whose token it is: join the two`;
      problems.push(problem('issuer', 'config_issuer_duplicate', message));
    }
    taken.set(issuer.issuer, name);
    return problems;
  });
}

type At = (key: string, code: ConfigCode, message: string) => ConfigProblem;

function checkSource(issuer: IssuerConfig, problem: At): ConfigProblem[] {
  const named = KEY_SOURCES.filter((source) => issuer[source] !== undefined);
  const [first, second] = named;
  if (first === undefined) {
    const message = `an issuer needs its keys from one of ${KEY_SOURCES.join(', ')}`;
    return [problem('issuer', 'config_issuer_keys', message)];
  }
  if (second !== undefined) {
    const message = `its keys come from one place: ${named.join(' and ')} are given, keep one of them`;
    return [problem(second, 'config_issuer_keys', message)];
  }
  const problems: ConfigProblem[] = [];
  const needless = (key: 'upstream' | 'ca' | 'insecure_http', why: string): void => {
    if (issuer[key] !== undefined)
      problems.push(problem(key, 'config_issuer_keys', `${key} ${why}: remove it`));
  };
  const isRemote = first === 'jwks_uri' || first === 'discovery';
  if (first !== 'jwks_uri') needless('upstream', 'goes with jwks_uri only');
  if (!isRemote || issuer.upstream !== undefined) {
    needless('ca', 'goes with an issuer on another server only');
    needless('insecure_http', 'goes with an issuer on another server only');
  }
  return problems;
}

function checkUrls(issuer: IssuerConfig, problem: At): ConfigProblem[] {
  const { jwks_uri, discovery } = issuer;
  return Object.entries({ jwks_uri, discovery: discovery === true ? issuer.issuer : discovery }).flatMap(
    ([key, url]) => {
      const why = url === undefined ? undefined : whyNotSecure(url, issuer.insecure_http ?? false);
      if (url === undefined) return [];
      if (why !== undefined) return [problem(key, 'config_issuer_url', `"${url}" ${why}`)];
      if (issuer.upstream !== undefined || !isMetadataAddress(new URL(url).hostname)) return [];
      const message = `${new URL(url).hostname} is where clouds hand out credentials, or link-local: no issuer is there`;
      return [problem(key, 'config_link_local', message)];
    },
  );
}

function checkClaims({ own, claims = {} }: IssuerConfig, problem: At): ConfigProblem[] {
  if (own === true && Object.keys(claims).length > 0) {
    const message = 'the claims of our own auth service are fixed: remove claims, or own';
    return [problem('claims', 'config_issuer_claims', message)];
  }
  return Object.values(claims).flatMap((path) => {
    if (typeof path !== 'string') return [];
    if (path.includes('://')) {
      const message = `"${path}" would be split at its dots: write ["${path}"] for the name of one claim`;
      return [problem('claims', 'config_issuer_claims', message)];
    }
    if (path.split('.').includes('')) {
      return [
        problem('claims', 'config_issuer_claims', `"${path}" has an empty step: remove the dot too many`),
      ];
    }
    return [];
  });
}

/** `at+jwt` is what tells our access tokens from everything else that our keys sign. */
function checkType({ own, token_type }: IssuerConfig, problem: At): ConfigProblem[] {
  if (own !== true || [token_type ?? 'at+jwt'].flat().join() === 'at+jwt') return [];
  return [
    problem('token_type', 'config_issuer_claims', 'our own tokens are at+jwt: remove token_type, or own'),
  ];
}
