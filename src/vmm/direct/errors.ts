/** Results of Xen's calls: 0, a negative error number (Xen's public errno.h), or that a call has to go on later. */

export const EPERM = -1;
export const ESRCH = -3;
export const EACCES = -13;
export const EFAULT = -14;
export const EBUSY = -16;
export const EINVAL = -22;
export const ENOSYS = -38;
export const EOPNOTSUPP = -95;

/** The slice is spent and the work not done. Never a guest's result. */
export const RESTART = -85;
