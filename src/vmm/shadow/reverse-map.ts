/** The ways back from a frame of the guest to the leaf entries (HPA) that map it. Most frames have one. */

export class ReverseMap {
  readonly #places = new Map<number, number | Set<number>>();

  add(gfn: number, place: number): void {
    const known = this.#places.get(gfn);
    if (known === undefined) this.#places.set(gfn, place);
    else if (typeof known !== 'number') known.add(place);
    else if (known !== place) this.#places.set(gfn, new Set([known, place]));
  }

  delete(gfn: number, place: number): void {
    const known = this.#places.get(gfn);
    if (known === place) this.#places.delete(gfn);
    if (known === undefined || typeof known === 'number') return;
    known.delete(place);
    if (known.size === 0) this.#places.delete(gfn);
  }

  /** Calls `visit` with every place, which may take it away. */
  forEach(gfn: number, visit: (place: number) => void): void {
    const known = this.#places.get(gfn);
    if (typeof known === 'number') visit(known);
    else known?.forEach(visit);
  }
}
