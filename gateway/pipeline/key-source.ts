/** A public key, ready to verify with. The same key stays the same object for as long as it is held. */
export interface VerificationKey {
  kid: string;
  /** The one algorithm that goes with the key; the token's header has no say (RFC 8725 section 3.1). */
  alg: string;
  /** Whether the compact JWS carries a valid signature of this key. Looks at nothing else. */
  verifies(token: string): boolean;
}

/** The keys of one issuer, held in memory and refreshed in the background. */
export interface KeySource {
  /** `undefined` finds the only key, if there is only one. */
  find(kid: string | undefined): VerificationKey | undefined;
  /**
   * One bounded, single-flight fetch for a key id never seen (design 4.5, 4.11). `absent`: the issuer has no such key.
   * `unanswered`: nobody can say at the moment.
   */
  fetchMissing(kid: string): Promise<VerificationKey | 'absent' | 'unanswered'>;
  /** The key was withdrawn by the revocation feed, whatever the issuer still publishes. */
  isRevoked(kid: string): boolean;
  /** False when there are no keys, or they are too old to trust: nothing can be verified then. */
  readonly available: boolean;
}
