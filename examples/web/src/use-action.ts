import { GatehouseError } from 'gatehouse/client';
import { useState } from 'preact/hooks';

/** Something that a button sets off: one at a time, its error kept until the next. */
export function useAction<Args extends unknown[]>(
  run: (...args: Args) => Promise<void>,
): { start: (...args: Args) => void; isBusy: boolean; error: GatehouseError | undefined } {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<GatehouseError>();
  const start = (...args: Args): void => {
    if (isBusy) return;
    setBusy(true);
    setError(undefined);
    run(...args)
      .catch((thrown: unknown) => {
        if (!(thrown instanceof GatehouseError)) throw thrown;
        setError(thrown);
      })
      .finally(() => setBusy(false));
  };
  return { start, isBusy, error };
}
