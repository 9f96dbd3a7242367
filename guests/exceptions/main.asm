; exceptions: a tour of the vectors 0 to 20. Each is provoked, and its handler prints the name, the error code,
; the saved RIP relative to the code that provoked it (so faults show +0 or the offset of the instruction that
; faulted, traps the offset after it), CR2 for #PF and DR6 for #DB. Exceptions that this machine cannot raise
; itself (NMI, #NM, #MF, #MC, #XM, #VE) come from INT n. The tour covers a double fault on an IST stack, a
; page fault, an alignment check at CPL 3 and an invalid TSS. Takes: every exception exit.
; Under Xen's PV ABI there are no gates, task segments and IST stacks: what needs them is not tried.

%include "../inc/guest.inc"
%include "../inc/check.inc"

SMALL_TSS       equ FREE_SELECTOR               ; a TSS that ends before RSP1
RING1_CS        equ FREE_SELECTOR + 0x10
RING1_GATE      equ FREE_SELECTOR + 0x18        ; a call gate from CPL 3 to ring 1
ABSENT_DS       equ FREE_SELECTOR + 0x28
UNMAPPED        equ 0x7000123000

main:
        call check_init
%ifndef PARA
        call make_descriptors
%endif

        check divide, "0 divide error"
          xor eax, eax
          xor edx, edx
          div eax
        done

        check single_step, "1 single step"
          push RFLAGS_TF | 2
          popfq
          nop
          nop
        done

        check instruction_breakpoint, "1 instruction breakpoint"
          mov eax, .target
          write_dr dr0, rax
          mov eax, 1                            ; L0, execution
          write_dr dr7, rax
          nop
.target:  nop
        done

        check data_breakpoint, "1 data breakpoint"
          mov eax, scratch
          write_dr dr1, rax
          mov eax, 4 | (0b1101 << 20)           ; L1, 4 bytes, writes
          write_dr dr7, rax
          mov dword [scratch], 1
          nop
        done

        ; differs(qemu): 1 int1 - QEMU's TCG raises #UD
        check int1, "1 int1"
          db 0xf1
        done

        check nmi, "2 by int 2"
          int 2
        done

        check breakpoint, "3 int3"
          int3
        done

        check overflow, "4 by int 4"
          int 4
        done

        check bound, "5 by int 5"
          int 5
        done

        check invalid_opcode, "6 ud2"
          ud2
        done

        check no_device, "7 by int 7"
          int 7
        done

%ifndef PARA
        set_gate_type 8, GATE_INTERRUPT, 1      ; IST 1
        and byte [idt + 13 * 16 + 5], 0x7f      ; the #GP gate is not present, so that #GP leads to #NP
        check double_fault, "8 #NP while delivering #GP"
          mov eax, 0xfff8
          mov ds, eax
        done
        set_gate_type 13, GATE_INTERRUPT
        set_gate_type 8, GATE_INTERRUPT

%endif

        check overrun, "9 by int 9"
          int 9
        done

%ifndef PARA
        mov eax, SMALL_TSS
        load_task ax
        user_check invalid_tss, "10 call gate to ring 1, no RSP1 in the TSS"
          call far [ring1_pointer]
        done
        call gdt_init                           ; back to the whole TSS

        check not_present, "11 mov ds of a segment that is not present"
          mov eax, ABSENT_DS
          mov ds, eax
        done

        set_gate_type 12, GATE_INTERRUPT, 1     ; the stack that faults cannot take the frame
        set_gate_type 13, GATE_INTERRUPT, 1
        ; differs(qemu): 12 push - QEMU's TCG raises #GP for every non-canonical address
        check stack_fault, "12 push to a non-canonical stack"
          mov rsp, 0x8000000000000000
          push rax
        done

%endif

        check general_protection, "13 load from a non-canonical address"
          mov rbx, 0x8000000000000000
          mov rax, [rbx]
        done

        check selector_fault, "13 mov ds beyond the GDT"
          mov eax, 0x1230
          mov ds, eax
        done

        check page_fault_read, "14 read"
          mov rbx, UNMAPPED
          mov rax, [rbx]
        done

        check page_fault_write, "14 write"
          mov rbx, UNMAPPED
          mov [rbx + 8], rax
        done

        check page_fault_fetch, "14 fetch"
          mov rbx, UNMAPPED
          jmp rbx
        done

        check vector_15, "15 by int 15"
          int 15
        done

        check floating_point, "16 by int 16"
          int 16
        done

        set_cr0 CR0_AM
        ; differs(qemu): 17 mis - QEMU's TCG has no alignment checks
        user_check alignment, "17 misaligned load at CPL 3", RFLAGS_AC | 2
          mov eax, [scratch + 1]
        done

        check machine_check, "18 by int 18"
          int 18
        done

        check simd, "19 by int 19"
          int 19
        done

        check virtualization, "20 by int 20"
          int 20
        done

        check ordinary, "no exception"
        done
        ret

%ifndef PARA
make_descriptors:
        mov edi, gdt + SMALL_TSS
        mov esi, tss
        mov edx, DESC_P | DESC_TSS
        mov ecx, TSS_RSP1 - 1
        call write_system_descriptor
        mov dword [gdt + RING1_CS + 4], FLAT | DESC_L | DESC_P | DESC_CODE | (1 << 13)
        mov dword [gdt + RING1_GATE], RING1_CS << 16
        mov dword [gdt + RING1_GATE + 4], DESC_P | DESC_DPL3 | DESC_CALL_GATE
        mov dword [gdt + ABSENT_DS + 4], DESC_DATA
        ; the software interrupts of the tour come from CPL 0, so their gates keep DPL 0
        ret

%endif

        section .data
scratch:        dq 0
%ifndef PARA
ring1_pointer:  dq 0                            ; a gate's selector alone counts
                dw RING1_GATE | 3
%endif
