import type { RevocationFeed } from '../../contracts/revocation.js';
import type { RevocationTail } from './revocation-tail.js';

/**
 * The feed for a gateway in the same process (design 4.9). An entry is merged before the logout that made it is
 * answered, so that the token is refused at once.
 */
export function createInProcessFeed(tail: RevocationTail): RevocationFeed {
  return {
    follow(sink, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return resolve();
        const attached = tail.attach({
          merge: (entries) => sink.merge(entries),
          answered: () => sink.answered(),
          lost(error) {
            signal.removeEventListener('abort', finish);
            reject(error);
          },
        });
        if (attached === undefined) return reject(new Error('the revocation list is not being followed'));
        const finish = (): void => {
          attached.detach();
          resolve();
        };
        signal.addEventListener('abort', finish, { once: true });
        sink.merge(attached.entries);
        sink.synced();
        sink.answered();
      });
    },
  };
}
