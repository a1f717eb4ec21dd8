import type { ExplainedStep } from '../../../contracts/admin-explain.js';
import { Problem } from '../../../contracts/problem.js';

/** What a step looks for and what the request has. */
export interface Facts {
  expected?: string | undefined;
  found?: string | undefined;
}

/** Keeps the record of steps. A step that refuses ends the explanation as it would end the request. */
export class Trace {
  readonly steps: ExplainedStep[] = [];

  /** Runs a stage of the pipeline under a name. `facts` may need its result. */
  step<T>(name: string, facts: Facts, stage: () => T): T {
    try {
      const result = stage();
      this.passed(name, facts);
      return result;
    } catch (error) {
      throw this.failed(name, facts, error);
    }
  }

  async wait<T>(name: string, facts: Facts, stage: () => Promise<T>): Promise<T> {
    try {
      const result = await stage();
      this.passed(name, facts);
      return result;
    } catch (error) {
      throw this.failed(name, facts, error);
    }
  }

  passed(name: string, facts: Facts): void {
    this.#add(name, facts, null);
  }

  /** Returns what is to be thrown. */
  failed(name: string, facts: Facts, error: unknown): unknown {
    this.#add(name, facts, error instanceof Problem ? error.code : 'internal_error');
    return error;
  }

  #add(name: string, { expected, found }: Facts, code: string | null): void {
    const result = code === null ? 'passed' : 'failed';
    this.steps.push({ name, result, expected: expected ?? null, found: found ?? null, code });
  }
}
