import { useEffect, useState } from 'preact/hooks';

export const VIEWS = ['orders', 'events', 'sessions'] as const;
export type View = (typeof VIEWS)[number];

/** The view that the address names after its `#`, so that reload, back and bookmarks work. */
export function useView(): View {
  const [view, setView] = useState(viewOf(location.hash));
  useEffect(() => {
    const change = (): void => setView(viewOf(location.hash));
    addEventListener('hashchange', change);
    return () => removeEventListener('hashchange', change);
  }, []);
  return view;
}

const viewOf = (hash: string): View => VIEWS.find((name) => hash === `#${name}`) ?? 'orders';
