/** The shadow pages that there are, found by what they stand for; those used least recently make room for others. */

import { FRAME_VMM, type FramePool } from '../frames.ts';
import { pageKey, type Role, type ShadowPage } from './shadow-page.ts';

/** Hears of pages that come and go. */
export interface ShadowCacheOwner {
  /** `page` is new; what its frame held before is still there. */
  added(page: ShadowPage): void;
  /** A page of the guest's table in frame `gfn` is the first one, or `isTable` false: was the last one. */
  tableChanged(gfn: number, isTable: boolean): void;
  /** `page` is about to go. */
  released(page: ShadowPage): void;
}

/** Of all pages, how many go when there is no room. */
const EVICTED_SHARE = 1 / 8;

const NONE: readonly ShadowPage[] = [];

export class ShadowCache {
  readonly #pool: FramePool;
  readonly #limit: number;
  readonly #owner: ShadowCacheOwner;
  readonly #pages = new Map<number, ShadowPage>();
  /** Pages of a table of the guest, by its frame. */
  readonly #tables = new Map<number, ShadowPage[]>();
  #clock = 0;

  constructor(pool: FramePool, limit: number, owner: ShadowCacheOwner) {
    this.#pool = pool;
    this.#limit = limit;
    this.#owner = owner;
  }

  get pages(): Iterable<ShadowPage> {
    return this.#pages.values();
  }

  find(gfn: number, role: Role): ShadowPage | undefined {
    return this.#pages.get(pageKey(gfn, role));
  }

  /** The page, empty if it is new: then there must be room for it. */
  get(gfn: number, role: Role): ShadowPage {
    const key = pageKey(gfn, role);
    return this.#pages.get(key) ?? this.#add(key, gfn, role);
  }

  /** All pages of the guest's table in frame `gfn`. */
  ofTable(gfn: number): readonly ShadowPage[] {
    return this.#tables.get(gfn) ?? NONE;
  }

  /** `page` is in use now. */
  touch(page: ShadowPage): void {
    this.#clock++;
    page.used = this.#clock;
    page.writes = 0;
  }

  remove(page: ShadowPage): void {
    this.#owner.released(page);
    this.#pages.delete(pageKey(page.gfn, page.role));
    this.#pool.release(page.frame);
    if (page.role.kind !== 'table') return;
    const pages = (this.#tables.get(page.gfn) ?? []).filter((other) => other !== page);
    if (pages.length > 0) this.#tables.set(page.gfn, pages);
    else {
      this.#tables.delete(page.gfn);
      this.#owner.tableChanged(page.gfn, false);
    }
  }

  hasRoom(count: number): boolean {
    return this.#pages.size + count <= this.#limit && this.#pool.left >= count;
  }

  /** Makes room for `count` pages; how many had to go. Those that were touched last stay. */
  makeRoom(count: number): number {
    if (this.hasRoom(count)) return 0;
    const oldest = [...this.#pages.values()].sort((a, b) => a.used - b.used);
    const going = oldest.slice(0, Math.max(count, Math.ceil(oldest.length * EVICTED_SHARE)));
    for (const page of going) this.remove(page);
    return going.length;
  }

  #add(key: number, gfn: number, role: Role): ShadowPage {
    const frame = this.#pool.take(FRAME_VMM);
    const parents = new Set<number>();
    const page: ShadowPage = { role, gfn, frame, parents, base: undefined, used: 0, writes: 0 };
    this.#pages.set(key, page);
    this.#owner.added(page);
    if (role.kind !== 'table') return page;
    const pages = this.#tables.get(gfn);
    if (pages !== undefined) pages.push(page);
    else {
      this.#tables.set(gfn, [page]);
      this.#owner.tableChanged(gfn, true);
    }
    return page;
  }
}
