import { text } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import type { AssumedCaller, ExplainRequest, Explanation } from '../contracts/admin-explain.js';
import { StartupError } from '../kit/startup-error.js';
import { gatherClaim, gatherHeader, parseAssumedCaller } from './assumed-caller.js';
import { withConfig } from './config-option.js';
import { explanationText } from './explanation-text.js';
import { askGateway, type GatewayAdminOptions, withGatewayAdmin } from './gateway-admin.js';
import { printAnswer } from './print.js';
import { terminal } from './terminal.js';

interface ExplainOptions extends GatewayAdminOptions {
  config: string;
  header?: [string, string][];
  token?: string;
  as?: AssumedCaller;
  kind?: AssumedCaller['kind'];
  claim?: Record<string, unknown>;
  issuer?: string;
  live?: boolean;
  json?: boolean;
}

/** `gatehouse explain METHOD URL`: what becomes of a request, and why. */
export function addExplainCommand(program: Command): void {
  withGatewayAdmin(withConfig(program.command('explain')))
    .description('what the gateway would do with a request, step by step; nothing is sent or counted')
    .argument('<method>', 'such as GET')
    .argument('<url>', 'a path with its query, or a whole URL')
    .option('-H, --header <name: value>', 'a header of the request; several may be given', gatherHeader)
    .option('--token <token>', 'an access token or API key; - reads it from standard input')
    .option('--as <caller>', 'a caller in place of a token: subject:scopes::roles', parseAssumedCaller)
    .addOption(
      new Option('--kind <kind>', 'what --as is').choices(['user', 'service', 'api-key', 'certificate']),
    )
    .option('--issuer <name>', "issuer of --as (default: the route's first)")
    .option('--claim <name=value>', 'a further claim of --as; several may be given', gatherClaim)
    .option('--live', 'ask a running gateway, which has the keys and the revocations')
    .option('--json', 'print the whole explanation as JSON')
    .addHelpText(
      'after',
      '\nWithout --live: by the config alone, with the keys that this machine has and no revocations.' +
        '\nThe token is never printed. Exit codes: 0 explained, whatever came out; 1 it cannot be; 2 wrong usage.' +
        '\n\nExamples:' +
        '\n  gatehouse explain GET /api/orders' +
        '\n  gatehouse explain POST /api/orders --as ann:orders:write' +
        '\n  gatehouse explain GET /api/admin/x --as bob::admin --json' +
        "\n  gatehouse explain GET /api/orders -H 'Accept: text/html' --live --token - < token.txt",
    )
    .action(explain);
}

async function explain(method: string, url: string, options: ExplainOptions): Promise<void> {
  const asked: ExplainRequest = { method: method.toUpperCase(), url, ...(await caller(options)) };
  if (options.header !== undefined) asked.headers = options.header;
  printAnswer(options, await answer(asked, options), explanationText);
}

async function answer(asked: ExplainRequest, options: ExplainOptions): Promise<Explanation> {
  if (options.live === true) return askGateway<Explanation>(options, 'POST', '/explain', asked);
  const { loadGatewayConfig, offlineGateway } = await import('../gateway/index.js');
  const gateway = await offlineGateway(loadGatewayConfig(options.config, terminal().env));
  return gateway.explain(asked);
}

async function caller(options: ExplainOptions): Promise<Pick<ExplainRequest, 'token' | 'as'>> {
  const { as, token, kind, claim: claims, issuer } = options;
  if (as !== undefined && token !== undefined) throw new StartupError('give --token or --as, not both');
  if (as === undefined && (kind ?? claims ?? issuer) !== undefined)
    throw new StartupError('--kind, --claim and --issuer are about --as: give it as well');
  if (token !== undefined) return { token: token === '-' ? (await text(terminal().stdin)).trim() : token };
  if (as === undefined) return {};
  return {
    as: {
      ...as,
      ...(kind !== undefined && { kind }),
      ...(claims !== undefined && { claims }),
      ...(issuer !== undefined && { issuer }),
    },
  };
}
