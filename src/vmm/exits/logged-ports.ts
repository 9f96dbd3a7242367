/** Devices whose answers to the guest's ports are told to a log of exits. */

import type { ProcessorHost } from '../../machine/instance.ts';
import type { ExitAction } from './exit-record.ts';

export type Forwarded = ExitAction & { readonly kind: 'forwarded' };

export function withLoggedPorts(
  devices: ProcessorHost,
  forwarded: (action: Forwarded) => void,
): ProcessorHost {
  const tell = (access: 'read' | 'write', address: number, size: number, value: number): void =>
    forwarded({ kind: 'forwarded', to: 'port', access, address, size, value });
  return {
    ...devices,
    portRead: (port, size) => {
      const value = devices.portRead(port, size);
      tell('read', port, size, value);
      return value;
    },
    portWrite: (port, size, value) => {
      tell('write', port, size, value);
      devices.portWrite(port, size, value);
    },
  };
}
