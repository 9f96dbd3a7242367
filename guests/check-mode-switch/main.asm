; check-mode-switch: one guest through all modes and back, twice: protected mode without paging, 32-bit paging with and
; without pages of 4 MiB, PAE paging, IA-32e mode entered from 32- and from 16-bit code, compatibility mode, 64-bit mode,
; and out again. In each mode an exception, a page fault and a stay at CPL 3.
; Shows: which bits of CR0, CR4 and EFER each mode has, and which paging structures count at once after each step.
; check-mode-refused has the steps that are none.
; SDM 3A 4.1.2 Paging-Mode Enabling, 9.8.5 Initializing IA-32e Mode; 2B MOV Control Registers.

%include "../inc/guest32.inc"
%include "../inc/check32.inc"
%include "../inc/modes.inc"

main:
        call check_init
        call modes_init
        call tour
        call tour
        ret

tour:
        print `-- a tour\n`
        state "protected mode"
        call unpaged
        call paging32
        call paging_pae
        call into_long
        call long_mode
        call out_of_long
        call long_again
        call pae_after_long
        ret

; In every mode that has paging.
faults:
        check fault, "an exception"
          ud2
        done
        check absent, "a read of what is not mapped"
          mov eax, [ABSENT]
        done
        user_check user, "a write of it at cpl 3"
          mov eax, USER_DS
          mov ds, eax
          mov [ABSENT], eax
        done
        ret

unpaged:
        check unpaged_fault, "an exception"
          ud2
        done
        user_check unpaged_user, "cpl 3"
          mov eax, cs
        done_value
        ret

paging32:
        load_cr3 pd32
        flip 0, CR0_PG
        state "32-bit paging"
        call faults
        check entry_table, "ps without pse is ignored"
          mov eax, [WINDOW_4M]
        done_value
        flip 4, CR4_PSE
        state "with pse"
        check entry_page, "ps with pse"
          mov eax, [WINDOW_4M]
          sub eax, FRAME_SMALL
        done_value
        flip 4, CR4_PSE
        check entry_table_again, "and without"
          mov eax, [WINDOW_4M]
        done_value
        flip 4, CR4_PGE
        state "with pge"
        flip 4, CR4_PGE
        flip 0, CR0_PG
        state "paging off"
        check unpaged_window, "what is at the address of the other window"
          mov eax, [WINDOW_4M]
        done_value
        ret

paging_pae:
        flip 4, CR4_PAE
        load_cr3 pdpt_pae
        state "pae, no paging"
        flip 0, CR0_PG
        state "pae paging"
        call faults
        flip_efer EFER_NXE
        state "with nxe"
        flip_efer EFER_NXE
        flip 0, CR0_PG
        state "paging off"
        ret

into_long:
        load_cr3 pml4
        flip_efer EFER_LME
        state "lme"
        flip 0, CR0_PG
        call long_tables
        state "ia-32e mode, compatibility mode"
        ret

; mode_of: EAX = 0 in 64-bit code, 1 in 32-bit code.
%macro mode_of 0
          xor eax, eax
          db 0x40
          nop
%endmacro

long_mode:
        call faults
        check compat, "compatibility mode"
          mode_of
        done_value
        check64 bits64, "64-bit mode"
          mode_of
        value64
        check64 window64, "its window"
          mov eax, [abs WINDOW]
        value64
        check64 wide, "64 bits"
          mov rax, 0x123456789abcdef0
          shr rax, 32
        value64
        check64 fault64, "an exception in 64-bit mode"
          ud2
        done64
        check64 absent64, "a page fault there"
          mov ecx, ABSENT
          mov eax, [rcx]
        done64
        check64 and_back, "from 64-bit mode to compatibility mode and back, twice"
          xor ebx, ebx
          mov ecx, 2
.again:   push KERNEL_CS
          push .compat
          retfq
        bits 32
.compat:  mode_of
          shl ebx, 4
          or ebx, eax
          jmp LONG_CS:.long
        bits 64
.long:    mode_of
          shl ebx, 4
          or ebx, eax
          dec ecx
          jnz .again
          mov eax, ebx
        value64
        check64 nxe64, "nxe and pge set in 64-bit mode, seen in compatibility mode"
          mov ecx, IA32_EFER
          rdmsr
          or eax, EFER_NXE
          wrmsr
          mov rax, cr4
          or eax, CR4_PGE
          mov cr4, rax
          push KERNEL_CS
          push .compat
          retfq
        bits 32
.compat:  mov ecx, IA32_EFER
          rdmsr
          mov ebx, eax
          mov eax, cr4
          shl eax, 16
          or eax, ebx
        done_value
        flip 4, CR4_PGE
        flip_efer EFER_NXE
        state "compatibility mode again"
        ret

out_of_long:
        flip 0, CR0_PG
        state "paging off: no ia-32e mode, but lme"
        call legacy_tables
        call unpaged
        check code64, "a code segment with l is 32- or 16-bit code now"
          jmp LONG_CS:.here
        bits 16
.here:    xor ax, ax
          db 0x40
          nop
          int VECTOR_VALUE
        bits 32
        done
        ret

; The whole way in one go from 16-bit code to 64-bit code, as a loader does it.
long_again:
        check straight, "from 16-bit code straight to 64-bit code"
          jmp CODE16:.code16 - IMAGE_BASE
        bits 16
.code16:  mov eax, cr0
          or eax, CR0_PG
          mov cr0, eax
          jmp dword LONG_CS:.long
        bits 64
.long:    lidt [abs idt64_pointer]
          mode_of
        value64
        state "ia-32e mode"
        check compat16, "16-bit code in it"
          jmp CODE16:.code16 - IMAGE_BASE
        bits 16
.code16:  mov eax, 0x1234ffff
          db 0x40
          nop
          int VECTOR_VALUE
        bits 32
        done
        check64 cr3_64, "cr3 written in 64-bit mode"
          mov rax, cr3
          mov cr3, rax
          mov eax, [abs WINDOW]
        value64
        check leave16, "out again from 16-bit code"
          jmp CODE16:.code16 - IMAGE_BASE
        bits 16
.code16:  mov eax, cr0
          and eax, ~CR0_PG
          mov cr0, eax
          jmp dword KERNEL_CS:.flat
        bits 32
.flat:    lidt [idt_pointer]
          mov ecx, IA32_EFER
          rdmsr
        done_value
        call legacy_tables
        ret

pae_after_long:
        flip_efer EFER_LME
        state "without lme"
        load_cr3 pdpt_pae
        flip 0, CR0_PG
        state "pae paging"
        call faults
        flip 0, CR0_PG
        flip 4, CR4_PAE
        load_cr3 pd32
        flip 0, CR0_PG
        state "32-bit paging"
        call faults
        flip 0, CR0_PG
        ret
