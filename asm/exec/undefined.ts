/** ud0, ud1, ud2 (SDM 2D UD): #UD, without a look at the operands. */

import { Event } from '../cpu/event';
import { Why } from '../gen/why';

export function ud2(i: usize): void {
  Event.ud(Why.Undefined);
}
