import type { Problem } from '../../contracts/problem.js';
import type { HeaderList } from '../pipeline/states.js';
import { grpcFields } from './grpc-status.js';
import { Http2Reply } from './http2-reply.js';

/** How long a client has to take the end of a call that was cut: streams end within 5 s of their caller's access. */
const CUT_GRACE_MS = 3000;
/** Of a body that there is not. */
const CONTENT = /^content-(?:type|length|encoding)$/i;

/** A gRPC call's answer: the gateway's own refusals are statuses of gRPC, under an HTTP status that is always 200. */
export class GrpcReply extends Http2Reply {
  /** Trailers-Only: headers that end the stream. */
  override refuse(problem: Problem, further: HeaderList): number {
    const last = new Map<string, string>();
    for (let i = 0; i + 1 < further.length; i += 2)
      if (!CONTENT.test(further[i] ?? '')) last.set((further[i] ?? '').toLowerCase(), further[i + 1] ?? '');
    for (const [name, value] of grpcFields(problem)) last.set(name, value);
    last.set('content-type', 'application/grpc').set('x-request-id', this.requestId);
    this.writeHead(200, [...last].flat());
    this.end();
    // For log and metrics: what HTTP would have said.
    this.statusCode = problem.status;
    return 0;
  }

  /** A status after part of the answer: that it is not OK is what says that it is not whole. */
  override cut(problem: Problem): void {
    if (!this.headersSent) {
      this.refuse(problem, []);
      return;
    }
    this.addTrailers(grpcFields(problem));
    this.end();
    const late = setTimeout(() => this.destroy(), CUT_GRACE_MS).unref();
    this.once('close', () => clearTimeout(late));
  }
}
