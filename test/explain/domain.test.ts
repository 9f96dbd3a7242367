/** What is told of the ends of PV domains. */

import { expect, test } from 'vitest';
import { explainEnd } from '../../src/explain/run-end.ts';
import { DomainRun, MEMORIES, pvSource } from '../vmm/para/domain-run.ts';

const CODE_BYTES = '[0-9a-f ]+';

function ended(body: string, memory: (typeof MEMORIES)[number]): string[] {
  const guest = pvSource(body);
  const run = new DomainRun(guest, { memory });
  return explainEnd(run.machine, run.run(), guest.symbols);
}

test.each(MEMORIES)('with --memory %s: no handler for a page fault', (memory) => {
  const [head, fault, code, ...rest] = ended(
    'main: call inner\ninner: mov [0x1234567], rax',
    memory,
  );
  expect(head).toMatch(
    /^the domain crashed: it has no handler for #PF, at e033:[0-9a-f]{16} \(inner\), after \d+ instructions$/,
  );
  expect(fault).toBe(
    '  #PF(0x0002): supervisor write of a page that is not present, CR2=0000000001234567',
  );
  expect(code).toMatch(new RegExp(`^CODE=${CODE_BYTES} {2}mov \\[0x1234567\\],rax$`));
  expect(rest.some((line) => line.includes('(inner)'))).toBe(true);
});

test.each(MEMORIES)('with --memory %s: other crashes', (memory) => {
  const reason = (body: string): string => ended(body, memory)[0]?.split(' at e033')[0] ?? '';
  expect(reason('main: mov eax, __HYPERVISOR_iret\nmov esp, 0x12345678\nsyscall')).toMatch(
    /^the domain crashed: the context of its iret at 0x[0-9a-f]+ cannot be read,$/,
  );
  expect(reason('main: mov al, 1\njmp finish')).toBe(
    'the domain crashed: its kernel says so (SHUTDOWN_crash),',
  );
});

test.each(MEMORIES)('with --memory %s: blocked for ever', (memory) => {
  const [head = '', code] = ended(
    `main: hypercall vcpu_op, VCPUOP_stop_periodic_timer, 0
     hypercall sched_op, SCHEDOP_block, 0`,
    memory,
  );
  expect(head).toMatch(/^blocked with no event to come \(no timer is set\) at e033:/);
  expect(code).toMatch(/pop r11$/);
});
