import type { Outcome } from '../pipeline/ports.js';
import type { Route } from '../pipeline/route.js';
import { DurationHistogram } from './duration-histogram.js';
import type { Metrics, Sample } from './metrics.js';
import { Tally } from './tally.js';

/** By the first digit of the status; `none` when the connection ended before there was one. */
const STATUS_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'];

/** Requests that matched no route, whatever they asked for. */
const NO_ROUTE = 'none';

/** What is counted of one route. */
class RouteSeries {
  readonly byStatusClass = new Array<number>(STATUS_CLASSES.length).fill(0);
  readonly durations = new DurationHistogram();
  readonly problems = new Tally();
  readonly denials = new Tally();

  statusSamples(route: string): Sample[] {
    return STATUS_CLASSES.map((status_class, index) => ({
      labels: { route, status_class },
      value: this.byStatusClass[index] ?? 0,
    }));
  }
}

/** Where the requests of one version of a route are counted. */
interface Counted {
  series: RouteSeries;
  upstream: DurationHistogram | undefined;
}

/**
 * What the outcomes of requests add up to. The series of a route are found by the route object itself and bumped in
 * place. Every label is from config or from a closed table, so that no request can make a series.
 */
export class RequestMetrics {
  readonly #withoutRoute: Counted = { series: new RouteSeries(), upstream: undefined };
  readonly #byId = new Map<string, RouteSeries>([[NO_ROUTE, this.#withoutRoute.series]]);
  readonly #byUpstream = new Map<string, DurationHistogram>();
  readonly #byRoute = new WeakMap<Route, Counted>();
  readonly #verdicts = new Tally();
  readonly #stale = { allowed: 0, denied: 0 };

  count(outcome: Outcome): void {
    const { route, status, problem, reported, transfer } = outcome;
    const { series, upstream } = route === undefined ? this.#withoutRoute : this.#countedOf(route);
    const statusClass = Math.trunc(status / 100);
    series.byStatusClass[statusClass] = (series.byStatusClass[statusClass] ?? 0) + 1;
    series.durations.observe(outcome.endedAt - outcome.startedAt);
    if (!Number.isNaN(transfer.answeredAt)) upstream?.observe(transfer.answeredAt - transfer.sentAt);
    if (problem !== undefined) series.problems.at(problem.code).count += 1;
    const denial = reported ?? problem;
    if (denial !== undefined && (denial === reported || denial.reason !== undefined))
      series.denials
        .at(denial.code)
        .at(denial.reason ?? '')
        .at(String(denial === reported)).count += 1;
    // A preflight that was answered came to no verdict.
    if (route?.access === 'protected' && (outcome.decided || problem !== undefined))
      this.#countVerdict(outcome);
  }

  /** After a reload: what has no route any more is no longer shown. */
  keepOnly(routes: readonly Route[]): void {
    const ids = new Set([NO_ROUTE, ...routes.map(({ id }) => id)]);
    const upstreams = new Set(routes.map(({ upstream }) => upstream));
    for (const id of this.#byId.keys()) if (!ids.has(id)) this.#byId.delete(id);
    for (const name of this.#byUpstream.keys()) if (!upstreams.has(name)) this.#byUpstream.delete(name);
  }

  addTo(metrics: Metrics): void {
    metrics.add(
      { name: 'gatehouse_requests_total', help: 'Requests by route and class of status.', type: 'counter' },
      () => this.#eachRoute((series, route) => series.statusSamples(route)),
    );
    const duration = 'gatehouse_request_duration_seconds';
    metrics.add(
      { name: duration, help: 'From the request line to the end of the reply.', type: 'histogram' },
      () => this.#eachRoute(({ durations }, route) => durations.samples(duration, { route })),
    );
    const upstream = 'gatehouse_upstream_duration_seconds';
    metrics.add(
      { name: upstream, help: 'From the request sent to the first byte of the response.', type: 'histogram' },
      () => [...this.#byUpstream].flatMap(([name, times]) => times.samples(upstream, { upstream: name })),
    );
    metrics.add(
      { name: 'gatehouse_problems_total', help: 'Problems answered, by route and code.', type: 'counter' },
      () => this.#eachRoute(({ problems }, route) => problems.samples(['code'], { route })),
    );
    metrics.add(
      {
        name: 'gatehouse_denials_total',
        help: 'Refusals by the rule or check that refused; report_only ones were not carried out.',
        type: 'counter',
      },
      () =>
        this.#eachRoute(({ denials }, route) =>
          denials.samples(['code', 'reason', 'report_only'], { route }),
        ),
    );
    metrics.add(
      {
        name: 'gatehouse_verdicts_total',
        help: 'Decisions on callers of protected routes, by issuer and code; "allowed" is the good one.',
        type: 'counter',
      },
      () => this.#verdicts.samples(['issuer', 'code']),
    );
    metrics.add(
      {
        name: 'gatehouse_stale_decisions_total',
        help: 'Requests that met revocations older than max_staleness.',
        type: 'counter',
      },
      () => Object.entries(this.#stale).map(([outcome, value]) => ({ labels: { outcome }, value })),
    );
  }

  #countVerdict({ issuer = 'none', decided, stale, reported, problem }: Outcome): void {
    const refusal = decided ? reported : problem;
    this.#verdicts.at(issuer).at(refusal?.code ?? 'allowed').count += 1;
    if (stale) this.#stale.allowed += 1;
    if (refusal?.code === 'revocation_stale') this.#stale.denied += 1;
  }

  #countedOf(route: Route): Counted {
    let counted = this.#byRoute.get(route);
    if (counted === undefined) {
      const { id, upstream: name } = route;
      counted = {
        series: seriesAt(this.#byId, id, () => new RouteSeries()),
        upstream:
          name === undefined ? undefined : seriesAt(this.#byUpstream, name, () => new DurationHistogram()),
      };
      this.#byRoute.set(route, counted);
    }
    return counted;
  }

  #eachRoute(read: (series: RouteSeries, route: string) => Sample[]): Sample[] {
    return [...this.#byId].flatMap(([route, series]) => read(series, route));
  }
}

function seriesAt<S>(all: Map<string, S>, label: string, make: () => S): S {
  const series = all.get(label) ?? make();
  all.set(label, series);
  return series;
}
