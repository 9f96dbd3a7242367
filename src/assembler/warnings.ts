/**
 * Which warnings are shown, and which count as errors: -w on the command line and `[warning ...]` in the
 * source (NASM manual 2.1.26, 7.13). A class is named at the end of each warning: `[-w+number-overflow]`.
 */

/** Older names of classes. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['orphan-labels', 'label-orphan'],
  ['lock', 'prefix-lock'],
  ['bnd', 'prefix-bnd'],
  ['macro-params', 'pp-macro-params'],
  ['macro-defaults', 'pp-macro-defaults'],
  ['environment', 'pp-environment'],
]);

type State = 'shown' | 'hidden' | 'error' | 'noError';

interface Setting {
  readonly name: string;
  /** Undefined takes what has been hidden back. */
  readonly state: State | undefined;
}

export class Warnings {
  readonly #initial: readonly Setting[];
  #settings: readonly Setting[];
  #saved: (readonly Setting[])[] = [];

  /** `options` as they stand behind -w. */
  constructor(options: readonly string[] = []) {
    this.#initial = options.map(parseSetting);
    this.#settings = this.#initial;
  }

  startPass(): void {
    this.#settings = this.#initial;
    this.#saved = [];
  }

  /** A word of `[warning ...]`. */
  set(word: string): void {
    if (word === 'push') this.#saved.push(this.#settings);
    else if (word === 'pop') this.#settings = this.#saved.pop() ?? this.#initial;
    else this.#settings = [...this.#settings, parseSetting(word)];
  }

  /** What a warning of this text is: nothing where its class is off. */
  severityOf(message: string): 'warning' | 'error' | undefined {
    const name = /\[-w\+([\w-]+)\]$/.exec(message)?.[1] ?? 'other';
    const own = this.#settings.filter((setting) => covers(setting.name, name));
    const isShown = ({ state }: Setting): boolean => SHOWING.has(state);
    if (own.findLast(isShown)?.state === 'hidden') return undefined;
    return own.findLast((setting) => !isShown(setting))?.state === 'error' ? 'error' : 'warning';
  }
}

/** States that say whether a warning is shown, not whether it is an error. */
const SHOWING: ReadonlySet<State | undefined> = new Set(['shown', 'hidden', undefined]);

/** A class stands for all whose names go on behind it with a hyphen. */
function covers(setting: string, name: string): boolean {
  return setting === 'all' || setting === name || name.startsWith(`${setting}-`);
}

/** `+name`, `-name`, `*name`, `name`, `no-name`, and `error=name` with all of these. */
function parseSetting(text: string): Setting {
  const lower = text.toLowerCase();
  const [, sign = '', no = '', error, given = ''] =
    /^([-+*]?)(no-)?(error)?=?(.*)$/.exec(lower) ?? [];
  const isOff = ((sign === '-') !== (no !== '')) !== (given === 'none');
  const word = given === '' || given === 'none' ? 'all' : given;
  const name = ALIASES.get(word) ?? word;
  if (sign === '*') return { name, state: undefined };
  if (error) return { name, state: isOff ? 'noError' : 'error' };
  return { name, state: isOff ? 'hidden' : 'shown' };
}
