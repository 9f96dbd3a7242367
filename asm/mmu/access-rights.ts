/** Access rights of a page that is mapped (SDM 3A 4.6.1 Determination of Access Rights), in every paging mode. */

import { CR0_WP, CR4_SMAP, CR4_SMEP } from '../cpu/control';
import { AC } from '../cpu/flags';
import { Why } from '../gen/why';
import { CR0, CR4, RFLAGS } from '../layout';
import { PTE_RW, PTE_US } from './entry-bits';

/** What an access wants; also how it is told to the walker. */
export enum Want {
  Read = 0,
  Write = 1,
  Fetch = 2,
}

export class AccessRights {
  /**
   * Why the access is refused, or Why.None. `rights`: RW and US of all entries of the walk, ANDed;
   * `noExecute`: their XD, ORed. `user`, `implicit`: as for Walk.translate.
   */
  static denied(rights: u64, noExecute: u64, want: Want, user: bool, implicit: bool): Why {
    const cr4 = load<u32>(CR4);
    const userPage = (rights & PTE_US) != 0;
    if (user && !userPage) return Why.PageSupervisor;
    if (want == Want.Fetch) {
      if (noExecute != 0) return Why.PageNoExecute;
      return !user && userPage && (cr4 & CR4_SMEP) != 0 ? Why.PageSmep : Why.None;
    }
    if (!user && userPage && (cr4 & CR4_SMAP) != 0) {
      if (implicit || (load<u32>(RFLAGS) & AC) == 0) return Why.PageSmap;
    }
    if (want != Want.Write || (rights & PTE_RW) != 0) return Why.None;
    return AccessRights.obeysReadOnly(user) ? Why.PageReadOnly : Why.None;
  }

  @inline static obeysReadOnly(user: bool): bool {
    return user || (load<u32>(CR0) & CR0_WP) != 0;
  }
}
