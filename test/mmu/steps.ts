/**
 * What may happen to an address space that is in use, in random order. Steps are plain data: a failure shows them as
 * JSON. Pages, roots, tables and frames are named by number.
 */

import { pick, type RandomSource } from '../../src/isa/random.ts';
import type { Space } from './address-space.ts';

/** One thing that happens: to the tables, to the registers, or an access. */
export type Step =
  | Edit
  /** A device overwrites all entries of a table with those of another. */
  | { readonly do: 'copy'; readonly from: number; readonly to: number }
  | { readonly do: 'access'; readonly kind: Kind; readonly page: number; readonly cpl: 0 | 3 }
  | { readonly do: 'invlpg'; readonly page: number; readonly offset: number }
  | {
      readonly do: 'invpcid';
      readonly type: number;
      readonly page: number;
      readonly offset: number;
      readonly pcid: number;
    }
  | { readonly do: 'cr3'; readonly root: number; readonly pcid: number; readonly keep: boolean }
  | { readonly do: 'cr4'; readonly bit: 'pge' | 'pse' | 'smep' | 'smap' | 'pcide' | 'pke' }
  | { readonly do: 'wp' | 'ac' | 'nxe' }
  | { readonly do: 'keys'; readonly pkru: number };
export type Kind = 'read' | 'write' | 'update' | 'fetch';

/** Of the entry that `page` is found through at `level` in a root; null: the current one. */
export interface Edit {
  readonly do: 'edit';
  readonly root: number | null;
  readonly page: number;
  readonly level: number;
  readonly to: Value;
  /** A store of the guest, a device, or a device that writes no more bytes than change. */
  readonly by: 'guest' | 'device' | 'bytes';
}
export type Flag = 'p' | 'rw' | 'us' | 'a' | 'd' | 'g' | 'xd' | 'reserved' | 'key';
/** What an entry becomes: it leads to something else, or keeps all but a bit. */
export type Value =
  | { readonly is: 'gone' }
  | { readonly is: 'flip'; readonly flag: Flag }
  | { readonly is: 'table' | 'page' | 'large'; readonly at: number; readonly flags: Flag[] };

const PCIDS = [0, 1, 0xfff] as const;
const MIN_STEPS = 10;
const MORE_STEPS = 50;
/** Tables of the last level whose pages a sequence is about. */
const FOCUS = 2;
/** How often each kind of step comes. */
const WEIGHTS = {
  edit: 9,
  access: 11,
  invlpg: 2,
  invpcid: 2,
  cr3: 3,
  copy: 1,
  cr4: 1,
  rights: 1,
} as const;
type StepKind = keyof typeof WEIGHTS;
/** One in so many sequences is about few tables, which serve at all levels at once. */
const MIXED = 3;
const FEW_TABLES = 2;
/** Levels above the last one that edits are of. */
const HEIGHTS = [0, 0, 0, 0, 1, 1, 1, 2, 2, 3] as const;
const MIXED_HEIGHTS = [0, 0, 1, 1, 2] as const;

/** A sequence of steps. With `hasKeys` the processor has protection keys. */
export function stepsFrom(random: RandomSource, space: Space, hasKeys: boolean): Step[] {
  const firsts = Array.from({ length: FOCUS }, () => 2 * random(space.pages.length / 2));
  const focus = firsts.flatMap((page) => [page, page + 1]);
  const few = Array.from({ length: FEW_TABLES }, () => random(space.tables.length));
  const maker = new StepMaker(random, space, {
    focus,
    mixed: random(MIXED) === 0 ? few : [],
    deck: deckFrom(random),
    isPlain: random(2) === 0,
    hasKeys,
  });
  return Array.from({ length: MIN_STEPS + random(MORE_STEPS) }, () => maker.step());
}

/** Kinds to draw from. A sequence does without some: what matters after much without a flush would be rare else. */
function deckFrom(random: RandomSource): readonly StepKind[] {
  const kinds = (Object.keys(WEIGHTS) as StepKind[]).filter(
    (kind) => kind === 'edit' || kind === 'access' || random(2) === 0,
  );
  return kinds.flatMap((kind) => Array.from({ length: WEIGHTS[kind] }, () => kind));
}

/** What a sequence is about. */
interface Theme {
  /** Pages. */
  readonly focus: readonly number[];
  /** Tables that serve at all levels, if any are to. */
  readonly mixed: readonly number[];
  readonly deck: readonly StepKind[];
  /** Links restrict nothing, so that all ways to a table give the same rights. */
  readonly isPlain: boolean;
  readonly hasKeys: boolean;
}

class StepMaker {
  readonly #random: RandomSource;
  readonly #space: Space;
  readonly #theme: Theme;

  constructor(random: RandomSource, space: Space, theme: Theme) {
    this.#random = random;
    this.#space = space;
    this.#theme = theme;
  }

  step(): Step {
    const { deck } = this.#theme;
    switch (deck[this.#random(deck.length)]) {
      case 'edit':
        return this.#edit();
      case 'invlpg':
        return { do: 'invlpg', page: this.#page(), offset: this.#random(0x2000) };
      case 'invpcid':
        return this.#invpcid();
      case 'cr3':
        return this.#switch();
      case 'copy':
        return this.#copy();
      case 'cr4':
        return this.#toggle();
      case 'rights':
        return this.#changeRights();
      default:
        return this.#access();
    }
  }

  /** One in `count`. */
  #once(count: number): boolean {
    return this.#random(count) === 0;
  }

  #page(): number {
    const { focus } = this.#theme;
    return focus[this.#random(focus.length)] ?? 0;
  }

  #root(): number {
    return this.#random(this.#space.levels[0]?.length ?? 1);
  }

  #edit(): Edit {
    const { levels, setting } = this.#space;
    const heights = this.#theme.mixed.length > 0 ? MIXED_HEIGHTS : HEIGHTS;
    const level = levels.length - 1 - Math.min(pick(this.#random, heights), levels.length - 1);
    return {
      do: 'edit',
      root: this.#once(4) ? this.#root() : null,
      page: this.#page(),
      level,
      to: level < setting.fixedLevels ? this.#link(level) : this.#value(level),
      by: pick(this.#random, ['guest', 'guest', 'guest', 'device', 'device', 'bytes']),
    };
  }

  #value(level: number): Value {
    const { levels, large, frames, tables } = this.#space;
    const kind = this.#random(12);
    if (kind === 0) return { is: 'gone' };
    if (kind < 4) {
      const flag = pick<Flag>(this.#random, ['p', 'rw', 'us', 'a', 'd', 'd', 'g', 'xd']);
      return { is: 'flip', flag };
    }
    if (level === levels.length - 1) {
      if (kind < 8 && this.#theme.mixed.length > 0) return this.#link(level);
      // Now and then the frame is that of a table.
      const at = this.#random(frames.length + (kind < 6 ? tables.length : 0));
      return { is: 'page', at, flags: this.#flags(1) };
    }
    const bases = large.get(level);
    if (bases === undefined || kind < 9) return this.#link(level);
    return { is: 'large', at: this.#random(bases.length), flags: this.#flags(1) };
  }

  /** To a table of the level below mostly, or to any. */
  #link(level: number): Value {
    const { levels, tables, setting } = this.#space;
    const { mixed } = this.#theme;
    const isFree = level >= setting.fixedLevels;
    const own = levels[level + 1];
    if (isFree && mixed.length > 0 && !this.#once(4)) {
      const at = mixed[this.#random(mixed.length)] ?? 0;
      return { is: 'table', at, flags: this.#linkFlags() };
    }
    const choices = own === undefined || (isFree && this.#once(4)) ? tables : own;
    const at = tables.indexOf(choices[this.#random(choices.length)] ?? 0);
    return { is: 'table', at, flags: this.#linkFlags() };
  }

  #linkFlags(): Flag[] {
    return this.#theme.isPlain ? ['p', 'rw', 'us'] : this.#flags(2);
  }

  /** The rights of a page are as often there as not; `care` 2: those of a table mostly. */
  #flags(care: number): Flag[] {
    const flags: Flag[] = ['p'];
    if (!this.#once(care * care + 1)) flags.push('rw');
    if (!this.#once(care * care + 1)) flags.push('us');
    if (this.#once(3)) flags.push('a');
    if (this.#once(3)) flags.push('d');
    if (this.#once(4)) flags.push('g');
    if (this.#once(5 * care)) flags.push('xd');
    if (this.#once(24)) flags.push('reserved');
    if (this.#once(4)) flags.push('key');
    return flags;
  }

  #access(): Step {
    const kind = pick<Kind>(this.#random, ['read', 'write', 'update', 'fetch']);
    return { do: 'access', kind, page: this.#page(), cpl: pick<0 | 3>(this.#random, [0, 0, 3]) };
  }

  #invpcid(): Step {
    return {
      do: 'invpcid',
      type: this.#random(4),
      page: this.#page(),
      offset: this.#random(0x2000),
      pcid: pick<number>(this.#random, PCIDS),
    };
  }

  #switch(): Step {
    const pcid = pick<number>(this.#random, PCIDS);
    return { do: 'cr3', root: this.#root(), pcid, keep: this.#once(2) };
  }

  #copy(): Step {
    const { length } = this.#space.tables;
    return { do: 'copy', from: this.#random(length), to: this.#random(length) };
  }

  #toggle(): Step {
    if (this.#theme.hasKeys && this.#once(4)) return { do: 'cr4', bit: 'pke' };
    return { do: 'cr4', bit: pick(this.#random, ['pge', 'pse', 'smep', 'smap', 'smap', 'pcide']) };
  }

  #changeRights(): Step {
    if (this.#theme.hasKeys && this.#once(4)) {
      return { do: 'keys', pkru: pick(this.#random, [0, 1 << 10, 2 << 10, 0xffffffff]) };
    }
    return { do: pick(this.#random, ['wp', 'ac', 'nxe']) };
  }
}
