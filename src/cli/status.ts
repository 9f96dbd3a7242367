/** Exit statuses. Odd ones are the guest's: (v << 1 | 1) & 0xff for a write of v to the exit port. */

/** Success of a command that runs no guest, and of a guest that switches the power off. */
export const STATUS_OK = 0;
export const STATUS_USAGE = 2;
export const STATUS_ABNORMAL = 4;
/** A bug of ours. */
export const STATUS_INTERNAL = 70;
/** What was compared is not the same. */
export const STATUS_DIFFERENT = 1;
