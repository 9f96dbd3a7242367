/**
 * The contract of saved state: every stateful component has `save(): State` and `static
 * restore(deps, state)`, where State is plain data that carries a version. A version that the
 * component does not know is refused.
 */

/** Plain data that tells which layout it has. */
export interface Versioned {
  readonly version: number;
}

/** Saved state that this build cannot take. */
export class StateError extends Error {
  override readonly name = 'StateError';
  readonly code = 'STATE_VERSION';
  readonly component: string;
  readonly version: number;

  constructor(component: string, version: number, expected: number) {
    super(
      `saved state of ${component} has version ${version}, this build reads version ${expected}`,
    );
    this.component = component;
    this.version = version;
  }
}

/** Throws a StateError unless `state` has the version that `component` writes. */
export function checkVersion(component: string, state: Versioned, expected: number): void {
  if (state.version !== expected) throw new StateError(component, state.version, expected);
}

/** What can be made anew, or from what it saved. */
export interface Restorable<Deps, State, T> {
  new (deps: Deps): T;
  restore(deps: Deps, state: State): T;
}

/** A component with `deps`: as `state` has it, or new where there is none. */
export function restored<Deps, State, T>(
  type: Restorable<Deps, State, T>,
  deps: Deps,
  state: State | undefined,
): T {
  return state === undefined ? new type(deps) : type.restore(deps, state);
}
