/** The frames of a translated domain: it has all from the beginning, gives none back and gets no others. */

import { ERRNO } from '../../../../xen/errno.ts';
import type { MemoryReservation } from '../memory-reservation.ts';

export class FixedReservation implements MemoryReservation {
  readonly current: number;
  readonly maximum: number;
  readonly isSpent = false;

  constructor(frames: number) {
    this.current = frames;
    this.maximum = frames;
  }

  begin(): void {}

  end(): void {}

  take(): undefined {}

  setNumbers(): void {}

  giveBack(): boolean {
    return false;
  }

  exchange(): number {
    return -ERRNO.EINVAL;
  }
}
