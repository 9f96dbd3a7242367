/**
 * A table that has lost a use, which is still to be given up: undoing it can take long, and must be done before the
 * guest's next call does anything.
 */
export class OldTable {
  /** 0: there is none. */
  frame = 0;
  /** The table whose entry the use was; 0: none. */
  parent = 0;
  /** Only what validation left half done is to be undone. */
  isPartial = false;

  set(frame: number, parent: number, isPartial: boolean): void {
    this.frame = frame;
    this.parent = parent;
    this.isPartial = isPartial;
  }
}
