/** Random calls to events and time: none throws, and channels stay connected with one another. */

import { expect, test } from 'vitest';
import { randomSource } from '../../../src/isa/random.ts';
import { ERRNO } from '../../../src/xen/errno.ts';
import type { HypercallName } from '../../../src/xen/hypercalls.ts';
import { u32 } from '../../../src/xen/structure.ts';
import {
  DOMAIN,
  EventsRig,
  FORBIDDEN,
  MEMORY,
  NEIGHBOUR,
  NOWHERE,
  READ_ONLY,
} from './events-rig.ts';

const CALLS: readonly HypercallName[] = [
  'event_channel_op',
  'event_channel_op',
  'event_channel_op_compat',
  'sched_op',
  'sched_op_compat',
  'set_timer_op',
  'vcpu_op',
];
const ADDRESSES = [MEMORY, MEMORY, MEMORY, MEMORY, READ_ONLY, NOWHERE, FORBIDDEN, 2n ** 64n - 4n];
/** Numbers that calls take: ports, domains, processors, operations, reasons, and large ones. */
const NUMBERS = [
  0,
  0,
  1,
  2,
  3,
  4,
  5,
  7,
  63,
  64,
  4096,
  0x7ff0,
  DOMAIN,
  NEIGHBOUR,
  2 ** 31,
  2 ** 32 - 1,
];
const STEPS = 3000;

/** Each end of an interdomain channel names the other one. */
function expectConnected(rig: EventsRig): void {
  const { channels } = rig.events;
  for (let port = 0; channels.channel(port) !== undefined; port++) {
    const channel = channels.channel(port);
    if (channel?.status === 'closed') expect(rig.shared.isPending(port)).toBe(false);
    if (channel?.status !== 'interdomain' || channel.domain !== DOMAIN) continue;
    const other = { status: 'interdomain', domain: DOMAIN, port };
    expect(channels.channel(channel.port)).toEqual(other);
  }
}

test.each([1, 2, 3, 4, 5, 6])('seed %i', (seed) => {
  const random = randomSource(seed);
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const rig = new EventsRig();
  const backend = rig.events.channels.bindBackend(() => backend.raise());
  for (let step = 0; step < STEPS; step++) {
    for (let n = 0; n < 6; n++) rig.put(u32, pick(NUMBERS), MEMORY + BigInt(n * 4));
    const name = pick(CALLS);
    const command = name === 'event_channel_op_compat' ? pick(ADDRESSES) : random(16);
    const result = rig.call(name, command, ...(name === 'vcpu_op' ? [0] : []), pick(ADDRESSES));
    expect(result).toBeGreaterThanOrEqual(-ERRNO.ETIME);
    expect(result).toBeLessThan(4096);
    if (random(4) === 0) rig.passTo(rig.now + BigInt(random(2 ** 30)));
    if (random(8) === 0) rig.acknowledge();
    if (random(16) === 0) expectConnected(rig);
  }
});
