import type { GatehouseError } from 'gatehouse/client';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { explainError } from './explain.js';

/** The heading of a view. It takes the focus when the view comes up, so that a screen reader says where one is. */
export function Heading({ children, isFirst = false }: { children: string; isFirst?: boolean }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${children} · Gatehouse`;
    if (!isFirst) heading.current?.focus();
  }, [children, isFirst]);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  );
}

/** An error, announced when it comes up. The code and the request id are for whoever looks into it. */
export function ErrorNotice({ error }: { error: GatehouseError | undefined }) {
  return (
    <div role="alert">
      {error !== undefined && (
        <div class="notice error">
          <p>{explainError(error)}</p>
          <p class="small">
            <code>{error.code}</code>
            {error.requestId !== undefined && (
              <>
                {' · request '}
                <code>{error.requestId}</code>
              </>
            )}
          </p>
        </div>
      )}
    </div>
  );
}

/** What has been done, announced politely. Always there, since a region that comes up with its text may go unread. */
export function DoneNotice({ children }: { children: ComponentChildren }) {
  return (
    <div role="status">
      {children !== undefined && children !== '' && <p class="notice done">{children}</p>}
    </div>
  );
}

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M7 26V15a9 9 0 0 1 18 0v11h-4V15a5 5 0 0 0-10 0v11zM14.5 11.5h3V26h-3zM11 17h10v2.5H11z" />
    </svg>
  );
}

/** The service's time as it is, in the reader's own zone; nothing is counted by this device's clock, which may be wrong. */
export function Time({ at, precision = 'minute' }: { at: string; precision?: 'minute' | 'second' }) {
  const format = precision === 'minute' ? MINUTES : SECONDS;
  return <time dateTime={at}>{format.format(new Date(at))}</time>;
}

const MINUTES = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const SECONDS = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
