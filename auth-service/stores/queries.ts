import type { Kysely } from 'kysely';
import type { Tables } from './tables.js';

/** The pool or a transaction: stores work on either. */
export type Queries = Kysely<Tables>;
