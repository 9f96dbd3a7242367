; check-compat: compatibility mode, that is 32- and 16-bit code under a 64-bit kernel: every way in and out, which
; instructions are there and which are not, segments that count again, interrupts and calls into 64-bit code and back.
; Shows: limits and bases that 64-bit mode ignores; 40 to 4f as INC and DEC; frames of 64 bits and their alignment;
; call gates with a stack out of the TSS; SYSCALL and SYSRET, SYSENTER and SYSEXIT; addresses that wrap at 4 GiB.
; SDM 3A 2.1.2 IA-32e mode, 5.2.1 Code-Segment Descriptor in 64-bit Mode, 5.8.3.1 IA-32e Mode Call Gates,
; 6.14 Exception and Interrupt Handling in 64-bit Mode; 1 3.2.1 64-Bit Mode Execution Environment.

%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/legacy.inc"
%include "../inc/compat.inc"

SEGMENT_0       equ FREE_SELECTOR + 24          ; segments of the checks: at CPL 0
SEGMENT_3       equ FREE_SELECTOR + 32 | 3      ; ... and at CPL 3
CALL_GATE       equ FREE_SELECTOR + 40          ; 16 bytes
CODE16_3        equ FREE_SELECTOR + 56 | 3
CONFORMING      equ FREE_SELECTOR + 64          ; 64-bit code
SECOND_TSS      equ FREE_SELECTOR + 72          ; 16 bytes
BASE            equ 0x200000
HIGH_PAGE       equ 0xfffff000                  ; the last page below 4 GiB
HIGH_FRAME      equ 0x300000
LOW_CODE        equ 0x600                       ; free memory of the BIOS
VECTOR          equ 0x40
GATE3           equ GATE_INTERRUPT | GATE_DPL3

DATA            equ DESC_D | DESC_P | DESC_DATA
EXPAND_DOWN     equ 1 << 10

; write_segment selector, flags, limit 15:0, base: writes a descriptor.
%macro write_segment 4
        mov dword [gdt + ((%1) & ~7)], ((%4) & 0xffff) << 16 | (%3)
        mov dword [gdt + ((%1) & ~7) + 4], ((%4) & 0xff000000) | (((%4) >> 16) & 0xff) | (%2)
%endmacro

; mode_value: ends a check with EAX = 0 in 64-bit code and 1 in 32-bit code: 40h is a prefix or INC EAX.
%macro mode_value 0
          xor eax, eax
          db 0x40
          nop
          int VECTOR_VALUE
%endmacro

main:
        call check_init
        call legacy_init
        on_interrupt VECTOR, show_frame
        set_gate_type VECTOR, GATE3
        mov dword [abs BASE], 0x44332211
        mov dword [abs BASE + 0xffc], 0x88776655
        map HIGH_PAGE, HIGH_FRAME + PTE_P + PTE_RW + PTE_US
        call entering
        call leaving
        call one_byte_forms
        call absent
        call tables
        call limits
        call bases
        call wrapping
        call page_faults
        call interrupts
        call exceptions
        call gate_types
        call system_calls
        call call_gates
        call system_transfers
        jmp code16

; show_frame: the frame of an interrupt, which then returns. RSP is relative to the stack's top, and so is the frame
; itself if the interrupt came from CPL 3.
show_frame:
        print `: cs `
        print_hex [rdi + FRAME_CS], 4
        print ` ss `
        print_hex [rdi + FRAME_SS], 4
        print ` flags `
        print_hex [rdi + FRAME_RFLAGS], 8
        print ` rsp `
        mov rax, [rdi + FRAME_RSP]
        lea rcx, [rdi + FRAME_SIZE]
        test byte [rdi + FRAME_CS], 3
        jz .kernel
        sub rax, user_stack_top
        print_hex rax
        sub rcx, interrupt_stack_top
        jmp .place
.kernel:
        sub rax, [check_rsp]
        print_hex rax
        and ecx, 15
.place: print ` frame `
        print_hex rcx
        ret

entering:
        mov dword [far_pointer + 4], LEGACY_CS
        check jmp_far, "to compatibility mode by jmp far"
          mov dword [far_pointer], .here
          jmp far dword [far_pointer]
        bits 32
.here:    mode_value
        bits 64
        done
        check call_far, "by call far, which pushes 8 bytes, and back by retf"
          mov rbx, rsp
          mov dword [far_pointer], .here
          call far dword [far_pointer]
          sub rbx, rsp
          shl ebx, 8
          or eax, ebx
          db 0x40
          nop
          int VECTOR_VALUE
        bits 32
.here:    mov eax, ebx
          sub eax, esp
          inc eax
          retf
        bits 64
        done
        check by_retfq, "by retfq"
          push LEGACY_CS
          push .here
          retfq
        bits 32
.here:    mode_value
        bits 64
        done
        check by_retf, "by retf with two doublewords"
          sub rsp, 8
          mov dword [rsp], .here
          mov dword [rsp + 4], LEGACY_CS
          retf
        bits 32
.here:    mode_value
        bits 64
        done
        check by_iretq, "by iretq"
          push KERNEL_DS
          push interrupt_stack_top
          push 2
          push LEGACY_CS
          push .here
          iretq
        bits 32
.here:    mode_value
        bits 64
        done
        check by_iretd, "by iretd, which pops five doublewords"
          sub rsp, 20
          mov dword [rsp + 16], KERNEL_DS
          mov dword [rsp + 12], interrupt_stack_top
          mov dword [rsp + 8], 2
          mov dword [rsp + 4], LEGACY_CS
          mov dword [rsp], .here
          iretd
        bits 32
.here:    mode_value
        bits 64
        done
        check iretq_user, "by iretq to cpl 3"
          push USER_DS
          push user_stack_top
          push 2
          push USER_CS32
          push .here
          iretq
        bits 32
.here:    mode_value
        bits 64
        done
        ; differs(qemu): by iretq with a null ss - TCG looks at the mode it leaves
        check iretq_null, "by iretq with a null ss"
          push 0
          push interrupt_stack_top
          push 2
          push LEGACY_CS
          push .here
          iretq
.here:
        done
        check iretq_null3, "by iretq to cpl 3 with a null ss"
          push 3
          push interrupt_stack_top
          push 2
          push USER_CS32
          push .here
          iretq
.here:
        done
        ret

leaving:
        compat_check jmp_out, "from compatibility mode by jmp ptr16:32"
          jmp KERNEL_CS:.here
        bits 64
.here:    mode_value
        bits 32
        compat_done
        compat_check call_out, "by call ptr16:32, and back by retf"
          mov ebx, esp
          call KERNEL_CS:.here
          sub ebx, esp
          shl ebx, 8
          or eax, ebx
          inc eax
          int VECTOR_VALUE
        bits 64
.here:    mov eax, ebx
          sub eax, esp
          db 0x40
          nop
          retf
        bits 32
        compat_done
        compat_check retf_out, "by retf"
          push KERNEL_CS
          push .here
          retf
        bits 64
.here:    mode_value
        bits 32
        compat_done
        compat_check iret_out, "by iretd, which pops three doublewords"
          mov ebx, esp
          push 2
          push KERNEL_CS
          push .here
          iretd
        bits 64
.here:    sub ebx, esp
          mov eax, ebx
          db 0x40
          nop
          int VECTOR_VALUE
        bits 32
        compat_done
        compat_check iret_user, "by iretd to 64-bit code at cpl 3"
          push USER_DS
          push user_stack_top
          push 2
          push USER_CS
          push .here
          iretd
        bits 64
.here:    mode_value
        bits 32
        compat_done
        compat_user_check user_out, "by jmp ptr16:32 at cpl 3"
          jmp USER_CS:.here
        bits 64
.here:    mode_value
        bits 32
        compat_done
        compat_check near_word, "o16 jmp keeps 16 bits of eip"
          mov eax, .there
          movzx eax, ax
          mov dword [eax], 0xcd | VECTOR_DONE << 8
          jmp word .there
.there:   ud2
        compat_done
        ret

one_byte_forms:
        compat_check inc_dec, "40 to 4f: inc and dec"
          xor eax, eax
          xor ecx, ecx
          xor edx, edx
          xor ebx, ebx
          xor ebp, ebp
          xor esi, esi
          xor edi, edi
          mov esp, interrupt_stack_top
          db 0x40, 0x41, 0x41, 0x42, 0x43, 0x45, 0x45, 0x46, 0x47, 0x44
          db 0x4a, 0x4a, 0x4b, 0x4d, 0x4e, 0x4f, 0x4f, 0x48, 0x49, 0x4c
          shl eax, 4
          or eax, ecx
          shl eax, 4
          and edx, 15
          or eax, edx
          shl eax, 4
          or eax, ebx
          shl eax, 4
          or eax, ebp
          shl eax, 4
          or eax, esi
          shl eax, 4
          and edi, 15
          or eax, edi
        compat_value
        compat_check no_rex, "48 before mov eax, imm is dec eax"
          xor eax, eax
          db 0x48
          mov ebx, eax
          mov eax, ebx
        compat_value
        compat_check decimal, "daa, das, aaa, aas, aam, aad"
          mov eax, 0x0109
          add al, 8
          daa
          aaa
          aam
          aad
          das
          aas
        compat_value
        compat_check push_segments, "push and pop of es and ds: 4 bytes each"
          mov ebx, esp
          push es
          push ds
          mov eax, ebx
          sub eax, esp
          pop ds
          pop es
        compat_value
        compat_check do_pushad, "pushad, popad"
          mov edi, 0x12345678
          pushad
          mov edi, 0
          popad
          mov eax, edi
        compat_value
        compat_check do_les, "les: c4 with a memory operand"
          les eax, [.pointer]
          jmp short .over
.pointer: dd 0x12345678
          dw KERNEL_DS
.over:
        compat_value
        compat_check do_arpl, "arpl: 63"
          mov ax, 8
          mov bx, 3
          arpl ax, bx
          movzx eax, ax
        compat_value
        compat_check do_salc, "d6: salc"
          xor eax, eax
          stc
          db 0xd6
        compat_value
        compat_check do_82, "82 /0: add al, imm8"
          mov eax, 1
          db 0x82, 0xc0, 0x02
        compat_value
        compat_check do_bound, "bound: 62"
          mov eax, 9
          bound eax, [.limits]
.limits:  dd 1, 5
        compat_done
        compat_check do_into, "into"
          mov al, 0x7f
          inc al
          into
        compat_done
        compat_check absolute_form, "05 with mod 0: an absolute address, not one relative to rip"
          db 0x8b, 0x05
          dd BASE
        compat_value
        compat_check word_address, "a16: [bx + si]"
          mov word [LOW_CODE], 0x7777
          mov ebx, 0x12340000 + LOW_CODE - 0x10
          mov esi, 0x56780010
          xor eax, eax
          mov ax, [bx + si]
        compat_value
        compat_check control_32, "mov from dr6: 32 bits"
          mov eax, dr6
        compat_value
        ; differs(bochs): c4 with mod 3 - it wants 0 for this instruction
        compat_check vex, "c4 with mod 3: a vex prefix, whose w does not count"
          mov eax, 0x0f0f0f0f
          mov ecx, 0x33333333
          db 0xc4, 0xe2, 0xf8, 0xf2, 0xc1
        compat_value
        ret

; ud label, "text", bytes: an instruction that only 64-bit mode has.
%macro ud 3+
        compat_check %1, %2
          db %3
        compat_done
%endmacro

absent:
        set_efer EFER_SCE
        set_msr IA32_STAR, (0x1b << 48) | (KERNEL_CS << 32)
        set_msr IA32_LSTAR, syscall_landing
        set_msr IA32_CSTAR, syscall_landing
        ; differs(qemu): syscall: - it is there for it
        ; differs(qemu): syscall at cpl 3 - the same
        ud do_syscall, "syscall", 0x0f, 0x05
        ; differs(qemu): sysret: - as syscall
        ud do_sysret, "sysret", 0x0f, 0x07
        ud do_swapgs, "swapgs", 0x0f, 0x01, 0xf8
        set_cr4 CR4_FSGSBASE
        ud do_rdfsbase, "rdfsbase", 0xf3, 0x0f, 0xae, 0xc0
        ud do_wrgsbase, "wrgsbase", 0xf3, 0x0f, 0xae, 0xd8
        clear_cr4 CR4_FSGSBASE
        ; differs(qemu): lock mov eax, cr0 - cr8 as AMD's processors have it
        ud lock_mov_cr, "lock mov eax, cr0", 0xf0, 0x0f, 0x20, 0xc0
        ud lock_inc, "lock inc eax", 0xf0, 0x40
        compat_user_check syscall_user, "syscall at cpl 3"
          db 0x0f, 0x05
        compat_done
        ret

syscall_landing:
        mov eax, 0x5ca11
        int VECTOR_VALUE

; Descriptor tables and system segments, whose formats are those of 64-bit mode except for the 6 bytes of SGDT.
tables:
        mov rax, -1
        mov [scratch], rax
        mov [scratch + 8], rax
        compat_check do_sgdt, "sgdt stores 6 bytes"
          sgdt [scratch]
          movzx eax, word [scratch + 6]
        compat_value
        compat_check do_sidt, "sidt stores 6 bytes"
          sidt [scratch]
          movzx eax, word [scratch + 6]
        compat_value
        mov rsi, tss
        mov edi, gdt + SECOND_TSS
        mov edx, DESC_P | DESC_TSS
        mov ecx, tss_end - tss - 1
        call write_system_descriptor
        compat_check do_ltr, "ltr of a 64-bit tss"
          mov eax, SECOND_TSS
          ltr ax
          str eax
        compat_value
        check restore_tr, "and back"
          mov byte [gdt + TSS_SELECTOR + 5], (DESC_P | DESC_TSS) >> 8
          mov eax, TSS_SELECTOR
          ltr ax
        done
        compat_check lldt_null, "lldt null"
          xor eax, eax
          lldt ax
        compat_done
        compat_check lar_tss, "lar of the tss"
          mov eax, TSS_SELECTOR
          lar eax, eax
          and eax, 0xff00
        compat_value
        mov byte [gdt + SECOND_TSS + 5], (DESC_P | 0x100) >> 8
        ; differs(qemu): lar of a 16-bit - TCG looks at the code segment only
        compat_check lar_tss16, "lar of a 16-bit tss"
          mov eax, SECOND_TSS
          mov ebx, -1
          lar ebx, eax
          mov eax, ebx
        compat_value
        ; differs(qemu): ltr of a 16-bit - as lar
        compat_check ltr_tss16, "ltr of a 16-bit tss"
          mov eax, SECOND_TSS
          ltr ax
        compat_done
        ret

limits:
        ; differs(qemu): limit: - TCG checks no limits, nor whether a segment is writable
        write_segment SEGMENT_0, DATA, 0xfff, BASE
        write_segment SEGMENT_3, DATA | DESC_DPL3, 0xfff, BASE
        compat_check limit_last, "the last doubleword of a segment"
          mov eax, SEGMENT_0
          mov ds, eax
          mov eax, [0xffc]
        compat_value
        compat_check limit_beyond, "limit: a doubleword beyond it"
          mov eax, SEGMENT_0
          mov ds, eax
          mov eax, [0xffd]
        compat_done
        compat_user_check limit_user, "limit: a write at cpl 3"
          mov eax, SEGMENT_3
          mov es, eax
          mov [es:0x1000], al
        compat_done
        compat_check limit_fs, "limit: through fs"
          mov eax, SEGMENT_0
          mov fs, eax
          mov eax, [fs:0x1000]
        compat_done
        check limit_64, "64-bit code sees no limit of fs, but its base"
          mov eax, SEGMENT_0
          mov fs, eax
          mov byte [abs BASE + 0x1000], 0x99
          movzx eax, byte [fs:abs 0x1000]
        done_value
        compat_user_check limit_stack, "limit: push at 2"
          mov eax, SEGMENT_3
          mov ss, eax
          mov esp, 2
          push eax
        compat_done
        compat_user_check limit_stack_pop, "limit: pop at 1000h"
          mov eax, SEGMENT_3
          mov ss, eax
          mov esp, 0x1000
          pop eax
        compat_done
        write_segment SEGMENT_0, DATA & ~0x200, 0xfff, BASE
        compat_check read_only, "limit: a write to a read-only segment"
          mov eax, SEGMENT_0
          mov ds, eax
          mov [0], eax
        compat_done
        check read_only_64, "which 64-bit code may write"
          mov eax, SEGMENT_0
          mov ds, eax
          mov [abs BASE + 0x800], eax
        done
        write_segment SEGMENT_0, DATA | EXPAND_DOWN, 0xfff, BASE
        compat_check expand_down, "limit: expand down, below"
          mov eax, SEGMENT_0
          mov ds, eax
          mov eax, [0xffc]
        compat_done
        compat_check expand_down_in, "expand down, above the limit"
          mov eax, SEGMENT_0
          mov ds, eax
          mov al, [0x1000]
          movzx eax, al
        compat_value
        ; differs(qemu): a read through a null - TCG does not look
        compat_check null_ds, "a read through a null ds"
          xor eax, eax
          mov ds, eax
          mov eax, [BASE]
        compat_done
        compat_check null_ss, "a null ss"
          xor eax, eax
          mov ss, eax
        compat_done
        compat_check write_cs, "limit: a write through cs"
          mov [cs:BASE], eax
        compat_done
        write_segment SEGMENT_0, DESC_D | DESC_P | DESC_CODE, 0xfff, BASE
        mov dword [abs BASE + 0x1000], 0xcd | VECTOR_DONE << 8
        compat_check limit_jmp, "limit: jmp far beyond that of the code segment"
          jmp SEGMENT_0:0x1000
        compat_done
        mov dword [abs BASE + 0xffe], 0x90909090
        mov dword [abs BASE + 0x1001], 0xcd | VECTOR_DONE << 8
        compat_check limit_run, "limit: code that runs into it"
          jmp SEGMENT_0:0xffe
        compat_done
        ret

bases:
        mov dword [abs BASE], 0x44332211        ; an emulator without limits has changed it
        mov dword [abs BASE + 0xffc], 0x88776655
        write_segment SEGMENT_0, DATA | FLAT, 0xffff, BASE
        compat_check ds_base, "base of ds"
          mov eax, SEGMENT_0
          mov ds, eax
          mov eax, [0]
        compat_value
        compat_check es_base, "base of es: movsd"
          mov eax, SEGMENT_0
          mov es, eax
          mov esi, BASE
          mov edi, 0x2000
          movsd
          mov eax, [BASE + 0x2000]
        compat_value
        compat_check fs_base, "fs loaded here: its base in the msr"
          mov eax, SEGMENT_0
          mov fs, eax
          mov ecx, IA32_FS_BASE
          rdmsr
          or eax, edx
        compat_value
        check fs_cleared, "fs loaded in compatibility mode clears the upper half of the base"
          set_msr IA32_FS_BASE, 0x123400000000
          push LEGACY_CS
          push .load
          retfq
        bits 32
.load:    mov eax, SEGMENT_0
          mov fs, eax
          jmp KERNEL_CS:.back
        bits 64
.back:    mov ecx, IA32_FS_BASE
          rdmsr
          shl rdx, 32
          or rax, rdx
        done_value
        check msr_base, "a base by msr above 4 GiB: addresses have 32 bits"
          mov eax, KERNEL_DS
          mov gs, eax
          set_msr IA32_GS_BASE, 0x7fff00000000 + BASE
          push LEGACY_CS
          push .read
          retfq
        bits 32
.read:    mov eax, [gs:0xffc]
        compat_value
        ; differs(qemu): a base by msr with a null - TCG does not look
        check msr_null, "a base by msr with a null fs"
          xor eax, eax
          mov fs, eax
          set_msr IA32_FS_BASE, BASE
          push LEGACY_CS
          push .read
          retfq
        bits 32
.read:    mov eax, [fs:0]
        compat_done
        check base_64, "64-bit code has no base of ds"
          mov eax, SEGMENT_0
          mov ds, eax
          mov eax, [abs BASE]
        done_value
        write_segment SEGMENT_3, DATA | FLAT | DESC_DPL3, 0xffff, BASE
        compat_user_check ss_base, "base of ss"
          mov eax, SEGMENT_3
          mov ss, eax
          mov esp, 0x1000
          push dword 0x5a5a5a5a
          mov eax, [BASE + 0xffc]
        compat_value
        ret

wrapping:
        mov dword [abs 0], 0x04030201
        mov eax, HIGH_PAGE
        mov dword [rax + 0xffc], 0x0d0c0b0a
        write_segment SEGMENT_0, DATA | FLAT, 0xffff, 0xfffff000
        ; differs(qemu): a doubleword across - TCG goes on above
        compat_check across, "a doubleword across 4 GiB"
          mov eax, SEGMENT_0
          mov ds, eax
          mov eax, [0xffe]
        compat_value
        ; differs(qemu): written there - the same
        compat_check across_write, "written there"
          mov eax, SEGMENT_0
          mov ds, eax
          mov dword [0xffe], 0x44332211
          mov eax, [0x1000]
        compat_value
        compat_check base_wraps, "base + offset beyond 4 GiB"
          mov eax, SEGMENT_0
          mov ds, eax
          mov eax, [BASE + 0x1000]
        compat_value
        compat_check sib_wraps, "[eax + ebx * 8] beyond 4 GiB"
          mov eax, BASE - 0x10
          mov ebx, 0x20000002
          mov eax, [eax + ebx * 8]
        compat_value
        mov word [abs LOW_CODE], 0xcd | VECTOR_DONE << 8
        mov eax, HIGH_PAGE
        mov byte [rax + 0xff0], 0xe9
        mov dword [rax + 0xff1], LOW_CODE + 0xb
        compat_check jmp_wraps, "jmp beyond 4 GiB"
          mov eax, 0xfffffff0
          jmp eax
        compat_done
        mov eax, HIGH_PAGE
        mov byte [rax + 0xffb], 0xe8
        mov dword [rax + 0xffc], LOW_CODE
        mov dword [abs LOW_CODE], 0x58 | 0xcd << 8 | VECTOR_VALUE << 16       ; pop eax; int
        compat_check call_wraps, "call at its end: the return address"
          mov eax, 0xfffffffb
          jmp eax
        compat_done
        ret

page_faults:
        compat_check pf_read, "a read at deadbeefh"
          mov eax, [0xdeadbeef]
        compat_done
        compat_user_check pf_write, "a write at ffff0000h at cpl 3"
          mov [0xffff0000], eax
        compat_done
        compat_check pf_fetch, "a fetch at c0000000h"
          mov eax, 0xc0000000
          jmp eax
        compat_done
        compat_user_check pf_stack, "a push at 80000000h"
          mov esp, 0x80000000
          push eax
        compat_done
        ret

interrupts:
        compat_user_check int_user, "int n at cpl 3"
          mov esp, user_stack_top - 4
          int VECTOR
          xor eax, eax
          inc eax
          nop
        compat_value
        compat_check int_kernel, "int n at cpl 0"
          sub esp, 4
          int VECTOR
          xor eax, eax
          inc eax
          nop
        compat_value
        set_gate_type VECTOR, GATE3, 1
        on_interrupt VECTOR, show_ist
        compat_check int_ist, "int n at cpl 0 with a stack of its own"
          sub esp, 8
          int VECTOR
          mov eax, esp
          sub eax, [check_rsp]
        compat_value
        compat_user_check int_ist_user, "int n at cpl 3 with a stack of its own"
          int VECTOR
          mov eax, esp
          sub eax, user_stack_top
        compat_value
        set_gate_type VECTOR, GATE3
        on_interrupt VECTOR, show_frame
        compat_user_check int_high, "int n with bit 31 of esp set"
          add esp, 0x80000000
          int VECTOR
          mov eax, esp
          sub eax, user_stack_top
        compat_value
        ret

; show_ist: where the frame lies under the top of the IST stack.
show_ist:
        lea rax, [rdi + FRAME_SIZE]
        sub rax, ist_stack_top
        print ` ist `
        print_hex rax
        ret

exceptions:
        compat_user_check ex_de, "div by zero"
          xor ecx, ecx
          div ecx
        compat_done
        ; differs(qemu): int3 through - vector * 16 in the error code
        compat_user_check ex_int3, "int3 through a gate of dpl 0"
          int3
        compat_done
        set_gate_type 3, GATE3
        compat_user_check ex_int3_ok, "int3"
          int3
        compat_done
        set_gate_type 3, GATE_INTERRUPT
        compat_user_check ex_hlt, "hlt at cpl 3"
          hlt
        compat_done
        compat_user_check ex_step, "a single step"
          push RFLAGS_TF | 2
          popfd
          nop
          nop
        compat_done
        compat_user_check ex_in, "in at cpl 3: the bitmap of the 64-bit tss"
          in al, 0x80
        compat_done
        set_cr0 CR0_AM
        ; differs(qemu): a read that is not - TCG has no #AC
        compat_user_check ex_ac, "a read that is not aligned"
          push RFLAGS_AC | 2
          popfd
          mov eax, [BASE + 1]
        compat_done
        clear_cr0 CR0_AM
        ret

; Gates that are none in IA-32e mode, and targets that are not 64-bit code.
gate_types:
        ; differs(qemu): int through a - vector * 16 in the error code
        set_gate_type VECTOR, 0xe6              ; 16-bit interrupt gate
        compat_user_check gate16, "int through a gate of type 6"
          int VECTOR
        compat_done
        set_gate_type VECTOR, 0xe5
        compat_user_check gate_task, "int through a task gate"
          int VECTOR
        compat_done
        set_gate_type VECTOR, GATE3 & ~0x80
        compat_user_check gate_absent, "int through an absent gate"
          int VECTOR
        compat_done
        set_gate_type VECTOR, GATE_INTERRUPT
        compat_user_check gate_dpl, "int through a gate of dpl 0"
          int VECTOR
        compat_done
        set_gate_type VECTOR, GATE3
        mov word [idt + VECTOR * 16 + 2], LEGACY_CS
        compat_user_check gate_cs32, "int to 32-bit code"
          int VECTOR
        compat_done
        mov word [idt + VECTOR * 16 + 2], KERNEL_CS
        ret

; Entries into 64-bit code: EAX = what 40h was there, EDX = the EIP that was given.
sysenter_landing:
        mov eax, cs
        shl eax, 16
        mov ecx, ss
        or eax, ecx
        shl rax, 4
        db 0x40
        nop
        int VECTOR_VALUE
sysenter_stack:
        mov rax, rsp
        mov esp, interrupt_stack_top
        int VECTOR_VALUE
sysenter_return:
        mov edx, [resume_eip]
        mov ecx, [resume_esp]
        sysexit

system_calls:
        set_msr IA32_SYSENTER_CS, KERNEL_CS
        set_msr IA32_SYSENTER_EIP, sysenter_landing
        set_msr IA32_SYSENTER_ESP, interrupt_stack_top
        compat_user_check do_sysenter, "sysenter: cs, ss, mode"
          sysenter
        compat_done
        set_msr IA32_SYSENTER_EIP, sysenter_stack
        set_msr IA32_SYSENTER_ESP, 0x123456789ab0
        compat_user_check sysenter_rsp, "sysenter: all of rsp"
          sysenter
        compat_done
        set_msr IA32_SYSENTER_EIP, sysenter_return
        set_msr IA32_SYSENTER_ESP, interrupt_stack_top
        mov dword [resume_eip], sysexit_back.there
        mov dword [resume_esp], user_stack_top - 64
        compat_user_check sysexit_back, "sysenter, and back by sysexit: cs, ss, mode"
          sysenter
.there:   mov eax, cs
          shl eax, 16
          mov ecx, ss
          or eax, ecx
          inc eax
          nop
        compat_value
        check sysexit_high, "sysexit of 32 bits drops the upper halves of rcx and rdx"
          mov rdx, 0x100000000 + .there
          mov rcx, 0x200000000 + user_stack_top
          sysexit
        bits 32
.there:   mov eax, esp
          sub eax, user_stack_top
        compat_value
        set_msr IA32_SYSENTER_CS, 0
        compat_user_check sysenter_null, "sysenter with a null sysenter_cs"
          sysenter
        compat_done
        check sysret_32, "sysret of 32 bits: cs, ss, mode"
          mov rcx, 0x100000000 + .there
          mov r11d, 2
          mov esp, user_stack_top
          sysret
        bits 32
.there:   mov eax, cs
          shl eax, 16
          mov ecx, ss
          or eax, ecx
          inc eax
          nop
        compat_value
        ret

; gate flags, selector, offset: the call gate of 16 bytes.
%macro gate 3
        mov eax, %3
        mov word [gdt + CALL_GATE], ax
        mov word [gdt + CALL_GATE + 2], %2
        and eax, 0xffff0000
        or eax, %1
        mov [gdt + CALL_GATE + 4], eax
        mov qword [gdt + CALL_GATE + 8], 0
%endmacro

GATE_3          equ DESC_P | DESC_DPL3 | DESC_CALL_GATE

; Where gates lead: RBX = the stack that is left, then the return CS; RSI, RDI = old RSP and SS.
gate_landing:
        mov ebx, [rsp + 8]
        mov rsi, [rsp + 16]
        mov rdi, [rsp + 24]
        mov edx, ss
        mov ecx, esp
        retfq

; gate_values "text", register: what gate_landing has seen, RSP relative to what the register is relative to.
%macro gate_values 2
        sub rcx, %2
        print %1
        print `: cs `
        print_hex rbx, 4
        print ` ss `
        print_hex rdx, 4
        print ` rsp `
        print_hex rcx
        print `\n`
%endmacro

call_gates:
        gate GATE_3, KERNEL_CS, gate_landing
        compat_check gate_kernel, "call through a gate at cpl 0, and back by retfq"
          mov ebp, esp
          call CALL_GATE:0
          sub ebp, esp
          mov eax, ebp
          inc eax
          nop
        compat_value
        gate_values "its frame, from rsp at the start", [check_rsp]
        compat_user_check gate_user, "call through a gate at cpl 3, and back by retfq"
          mov esp, user_stack_top - 8
          call (CALL_GATE | 3):0
          mov eax, user_stack_top
          sub eax, esp
          inc eax
          nop
        compat_value
        gate_values "its frame, from rsp0", interrupt_stack_top
        sub rsi, user_stack_top
        print `its old rsp and ss: `
        print_hex rsi
        print ` `
        print_hex rdi
        print `\n`
        compat_user_check gate_jmp, "jmp through it at cpl 3"
          jmp (CALL_GATE | 3):0
        compat_done
        gate GATE_3, KERNEL_CS, mode_landing
        compat_check gate_jmp_kernel, "jmp through a gate at cpl 0"
          jmp CALL_GATE:0
        compat_done
        gate GATE_3, USER_CS, mode_landing
        compat_user_check gate_same, "call through a gate to cpl 3"
          call (CALL_GATE | 3):0
        compat_done
        write_segment CONFORMING, FLAT | DESC_L | DESC_P | DESC_CODE | DESC_CONFORMING, 0xffff, 0
        gate GATE_3, CONFORMING, mode_landing
        compat_user_check gate_conforming, "jmp through a gate to conforming code"
          jmp (CALL_GATE | 3):0
        compat_done
        gate GATE_3 | 31, KERNEL_CS, mode_landing
        compat_user_check gate_count, "a gate has no parameters: bits 4:0 do not count"
          call (CALL_GATE | 3):0
        compat_done
        gate GATE_3, LEGACY_CS, mode_landing
        compat_user_check gate_code32, "a gate to 32-bit code"
          call (CALL_GATE | 3):0
        compat_done
        gate DESC_P | DESC_DPL3 | 0x400, KERNEL_CS, mode_landing
        compat_user_check gate_286, "a 16-bit call gate"
          call (CALL_GATE | 3):0
        compat_done
        gate DESC_P | DESC_CALL_GATE, KERNEL_CS, mode_landing
        compat_user_check call_dpl, "a gate of dpl 0 at cpl 3"
          call (CALL_GATE | 3):0
        compat_done
        gate DESC_DPL3 | DESC_CALL_GATE, KERNEL_CS, mode_landing
        compat_user_check call_absent, "an absent gate"
          call (CALL_GATE | 3):0
        compat_done
        gate GATE_3, KERNEL_CS, mode_landing
        mov dword [gdt + CALL_GATE + 12], 0x100
        compat_user_check call_upper, "a gate whose upper half has a type"
          call (CALL_GATE | 3):0
        compat_done
        mov dword [gdt + CALL_GATE + 12], 0
        set_gate_type 12, GATE_INTERRUPT, 1
        mov rax, 0x0000800000000000
        mov [tss + TSS_RSP0], rax
        ; differs(bochs): a gate with an rsp0 - the old ss in the error code
        compat_user_check call_rsp0, "a gate with an rsp0 that is not canonical"
          call (CALL_GATE | 3):0
        compat_done
        mov qword [tss + TSS_RSP0], interrupt_stack_top
        set_gate_type 12, GATE_INTERRUPT
        ret
mode_landing:
        mode_value

; Far transfers to system segments, all refused: there are no tasks.
system_transfers:
        compat_check to_tss, "jmp to the tss"
          jmp TSS_SELECTOR:0
        compat_done
        mov byte [gdt + SECOND_TSS + 5], (DESC_P | DESC_TSS) >> 8
        compat_check to_free_tss, "call of an available tss"
          call SECOND_TSS:0
        compat_done
        mov byte [gdt + CALL_GATE + 5], (DESC_P | 0x500) >> 8
        compat_check to_task, "jmp to a task gate"
          jmp CALL_GATE:0
        compat_done
        compat_check nt_iret, "iretd with nt"
          push RFLAGS_NT | 2
          popfd
          push dword 2
          push LEGACY_CS
          push .here
          iretd
.here:
        compat_done
        ret

; compat16 label, "text": 16-bit code at CPL 3, whose base is the first byte of the 16-bit code.
%macro compat16 2
        user_check %1, %2
          mov eax, SEGMENT_3
          mov ds, eax
          push CODE16_3
          push 0
          retfq
        bits 16
.body16:
%endmacro
; place16 label: before it.
%macro place16 1
        mov eax, %1.body16
        shl eax, 16
        mov ax, 0xffff
        mov [gdt + (CODE16_3 & ~7)], eax
        mov eax, %1.body16
        shr eax, 16
        mov dword [gdt + (CODE16_3 & ~7) + 4], DESC_P | DESC_CODE | DESC_DPL3
        mov [gdt + (CODE16_3 & ~7) + 4], al
%endmacro

code16:
        write_segment SEGMENT_3, DESC_P | DESC_DATA | DESC_DPL3, 0xffff, BASE
        place16 word_operand
        compat16 word_operand, "16-bit code: operands and inc"
          mov eax, 0x1234ffff
          db 0x40
          nop
        compat_value
        place16 word_address16
        compat16 word_address16, "16-bit code: an address wraps"
          mov ebx, 0x1234ffff
          mov esi, 1
          mov eax, [bx + si]
        compat_value
        place16 limit16
        compat16 limit16, "limit: 16-bit code"
          mov bx, 0xffff
          mov ax, [bx]
        compat_done
        place16 stack16
        compat16 stack16, "16-bit code and stack: push at sp 0"
          mov ax, SEGMENT_3
          mov ss, ax
          mov esp, 0x12340000
          push ax
          mov eax, esp
        compat_value
        place16 int16
        compat16 int16, "16-bit code: int n"
          int VECTOR
          mov ax, cs
          movzx eax, ax
        compat_value
        gate GATE_3, KERNEL_CS, gate_landing
        place16 call16
        compat16 call16, "16-bit code: call through a gate and back by retfq"
          call (CALL_GATE | 3):0
          mov ax, cs
          movzx eax, ax
        compat_value
        gate_values "its frame, from rsp0", interrupt_stack_top
        place16 sysenter16
        set_msr IA32_SYSENTER_CS, KERNEL_CS
        set_msr IA32_SYSENTER_EIP, sysenter_landing
        compat16 sysenter16, "16-bit code: sysenter"
          sysenter
        compat_done
        ret

        section .data
        align 8, db 0
far_pointer:    dq 0
resume_eip:     dd 0
resume_esp:     dd 0
        section .bss
        alignb 16
scratch:        resb 16
        section .text
