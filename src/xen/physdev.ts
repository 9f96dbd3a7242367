/** Physical devices (physdev.h): of that what domains without any use. */

import { struct, u32 } from './structure.ts';

export const PHYSDEVOP = { set_iopl: 6 } as const;

export const PHYSDEV_SET_IOPL = struct('physdev_set_iopl', { iopl: u32 });
