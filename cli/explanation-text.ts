import type { ExplainedRoute, ExplainedStep, Explanation } from '../contracts/admin-explain.js';
import { showDuration, showSize } from '../kit/units.js';
import { cell, table } from './print.js';

/** An explanation for a terminal: the answer first, then how it came to that. */
export function explanationText(explanation: Explanation): string {
  const { route, steps, candidates } = explanation;
  const others = candidates.filter(({ lost }) => lost !== null);
  return [
    headline(explanation),
    '',
    requestText(explanation),
    ...(route === null ? [] : [routeText(route)]),
    ...(others.length === 0
      ? []
      : section(
          'not taken',
          others.map((other) => [other.route, other.source, other.lost]),
        )),
    ...section('steps', steps.map(stepRow)),
    ...headersText(explanation),
  ].join('\n');
}

function headline({ request, verdict, route }: Explanation): string {
  const asked = `${request.method} ${request.path ?? 'a path that is refused'}`;
  const { outcome, status, code, reason, reported } = verdict;
  if (outcome === 'refused') return cell(`${asked} → ${status} ${code}${because(reason)}`);
  if (outcome === 'answered') return cell(`${asked} → ${status}, answered by the gateway`);
  const despite = reported === null ? '' : `; report only: ${reported.code}${because(reported.reason)}`;
  return cell(`${asked} → forwarded to ${route?.upstream}${despite}`);
}

const because = (reason: string | null): string => (reason === null ? '' : ` (${reason})`);

function requestText({ request, config, mode }: Explanation): string {
  const path = request.path === null ? '' : `, path ${request.path}${request.query}`;
  return cell(`request  host ${request.host ?? 'missing'}${path}; config ${config}, ${mode}`);
}

function routeText(route: ExplainedRoute): string {
  const { sends } = route;
  const params = Object.entries(route.params).map(([name, value]) => `:${name} = ${value}`);
  const { mirror } = route;
  const lines = [
    `route    ${route.id} at ${route.source}${params.length === 0 ? '' : `, ${params.join(', ')}`}`,
    ...(sends === null ? [] : [`sends    ${sends.method} ${sends.path} to ${route.targets.join(', ')}`]),
    ...(mirror === null
      ? []
      : [`mirror   a copy of ${mirror.percent} % of the requests to ${mirror.upstream}`]),
    ...upstreamLines(route),
    `limits   ${upstreamLimits(route)}${rateLimits(route)}` +
      (route.priority === 'normal' ? '' : `, priority ${route.priority}`),
  ];
  return lines.map(cell).join('\n');
}

function upstreamLines({
  upstream_settings: settings,
  retries,
  try_timeout_ms,
  total_timeout_ms,
}: ExplainedRoute): string[] {
  const shown = Object.entries(settings).filter(([, text]) => text !== 'none');
  if (shown.length === 0) return [];
  const tries = try_timeout_ms === 0 ? '' : `, each after ${showDuration(try_timeout_ms ?? 0)}`;
  const total = total_timeout_ms === 0 ? '' : `; ${showDuration(total_timeout_ms ?? 0)} in all`;
  return [
    `upstream ${shown.map(([key, text]) => `${key} ${text}`).join('; ')}`,
    `retries  ${retries === 0 ? 'none' : `${retries}, of what is safe to repeat${tries}`}${total}`,
  ];
}

function upstreamLimits(route: ExplainedRoute): string {
  const { upstream, timeout_ms, idle_timeout_ms, stream_idle_timeout_ms, max_body_bytes } = route;
  if (upstream === null) return '';
  const time = (ms: number | null): string => (ms === 0 ? 'any time' : showDuration(ms ?? 0));
  return `${time(timeout_ms)} to the first byte, ${time(idle_timeout_ms)} of silence (streams: ${time(stream_idle_timeout_ms)}), body up to ${showSize(max_body_bytes ?? 0)}, `;
}

function rateLimits({ rate_limits: limits, cost }: ExplainedRoute): string {
  if (limits.length === 0) return 'no rate limit';
  const each = limits.map(({ name, requests, per_ms, burst, by, shared }) => {
    const further = `${burst === requests ? '' : `, ${burst} at once`}${shared ? ', shared' : ''}`;
    return `${name}: ${requests} in ${showDuration(per_ms)} by ${by}${further}`;
  });
  return `${each.join('; ')}${cost === 1 ? '' : `; costs ${cost}`}`;
}

function stepRow({ name, result, expected, found, code }: ExplainedStep): unknown[] {
  const wanted = expected === null ? '' : `wanted: ${expected}`;
  return result === 'passed'
    ? ['ok', name, found, wanted]
    : ['NO', name, found, `${wanted} → ${code}`.trim()];
}

function headersText({ headers, verdict }: Explanation): string[] {
  const stripped = headers.stripped.map(({ name, why }) => [name, why]);
  return [
    ...(stripped.length === 0 ? [] : section('headers that stay here', stripped)),
    ...(verdict.outcome === 'forwarded' ? section('headers of the gateway', headers.injected) : []),
  ];
}

function section(title: string, rows: readonly (readonly unknown[])[]): string[] {
  const columns = Math.max(...rows.map((row) => row.length));
  const [, ...lines] = table(
    Array.from({ length: columns }, () => ''),
    rows,
  ).split('\n');
  return ['', title, ...lines.map((line) => `  ${line}`)];
}
