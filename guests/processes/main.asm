; processes: a preemptive kernel. Processes with address spaces of their own share the processor round-robin, by
; the local APIC's timer (or the PIT); fork shares frames until one side writes; who breaks a rule is killed and
; the others go on. A shell on COM1 starts programs: type `help` (input.txt holds a session that shows them all).
; Takes: interrupts, exceptions from CPL 3 and copy-on-write faults, INT 80h, SYSCALL, SYSRET, SWAPGS, IRET, HLT,
; STI, CLI, MOV CR, INVLPG, LGDT, LIDT, LTR, CPUID, MSR and port accesses, memory accesses of both APICs.
;
; To read in this order: interface, memory, address-space, user-memory, program, process, scheduler, traps,
; system-calls, console, clock, and programs/, which run at CPL 3. Built with -D TIMER_PIT it leaves the APICs
; alone and uses the 8259 and the PIT. The pool of frames ends where RAM_MIB says (guest.inc).
;
; Kernel functions take RDI, RSI, RDX, return RAX, and keep RBX, RBP and R12 to R15. Interrupts are off whenever
; the kernel runs, but for the moment in which it has nothing to do, so it needs no locks.

%define OWN_CONSOLE
%define OWN_TABLES
%define OWN_SECTIONS
%define USER_ROOT_SLOT 1
%include "../inc/guest.inc"
%include "../inc/cpu.inc"
%include "../inc/gdt.inc"
%include "../inc/idt.inc"
%include "../inc/exceptions.inc"
%include "../inc/paging.inc"
%include "../inc/pic.inc"
%include "../inc/pit.inc"
%include "../inc/apic.inc"

%include "interface.inc"
%include "memory.asm"
%include "address-space.asm"
%include "user-memory.asm"
%include "program.asm"
%include "process.asm"
%include "scheduler.asm"
%include "traps.asm"
%include "system-calls.asm"
%include "console.asm"
%include "clock.asm"

main:
        call gdt_init
        call idt_init
        call memory_init
        call traps_init
        call system_calls_init
        call console_init
        call clock_init
        call processes_init
        jmp idle

%include "programs/program.inc"
%include "programs/library.asm"
%include "programs/shell.asm"
%include "programs/simple.asm"
%include "programs/sharing.asm"
%include "programs/concurrent.asm"
%include "programs/limits.asm"
%include "programs/crashes.asm"

        section .programs
program_table_end:
        section .end align=4096                 ; .bss follows the last section, where that runs: not a program
%ifdef PARA
        db 0                                    ; so that the file reaches up to there
file_end:
%endif
        section .bss
image_end:
