/** Frames that the kernel view may execute only in a copy (patch/), as a shadow needs to know them. */

export interface ExecutableFrames {
  /** The machine's frame with the copy of a frame that is code; undefined for one that is data. */
  copyOf(gfn: number): number | undefined;
  /** The kernel fetches from a frame, which is code from now on. */
  fetched(gfn: number): void;
  /** An access to a frame as data: true if it is data now, false if it must stay code. */
  release(gfn: number): boolean;
  /** The guest's memory has been replaced by another. */
  clear(): void;
}
