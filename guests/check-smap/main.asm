; check-smap: SMEP and SMAP with kernel and user on separate pages: explicit and implicit accesses, AC set and
; clear, at CPL 0 and 3, STAC and CLAC, the two together with WP and NX.
; Shows: implicit accesses to a descriptor table, that AC has no meaning at CPL 3, that SMEP ignores AC; what entry through a gate and IRET do to AC; error codes.
; SDM 3A 4.6.1 Determination of Access Rights.

%include "../inc/guest.inc"
%include "../inc/check.inc"

USER_PAGE       equ 0x40000000
READ_ONLY       equ 0x40001000
CODE            equ 0x40002000                  ; a user page with code
DATA            equ 0x40003000                  ; a user page for an LDT
FRAME           equ 0x2000000
FRAME_2         equ 0x2200000

main:
        call check_init
        require "SMEP", 7, ebx, 7
        require "SMAP", 7, ebx, 20
        mov edx, PTE_P | PTE_RW                 ; supervisor pages for the kernel
        call identity_map
        map USER_PAGE, FRAME + PTE_P + PTE_RW + PTE_US
        map READ_ONLY, FRAME + PTE_P + PTE_US
        map CODE, FRAME + 0x1000 + PTE_P + PTE_US
        map DATA, FRAME_2 + PTE_P + PTE_RW + PTE_US
        set_cr0 CR0_WP
        mov byte [abs FRAME], 0xc3              ; ret
        call place_user_code
        check stac_off, "stac without smap enabled"
          stac
          pushfq
          pop rax
        done_value
        check no_smap, "user page without smap"
          mov al, [abs USER_PAGE]
        done
        set_cr4 CR4_SMEP
        check no_smap_smep, "user page with smep alone"
          mov al, [abs USER_PAGE]
        done
        set_cr4 CR4_SMAP
        set_gate_type 14, GATE_INTERRUPT, 1     ; one check leaves RSP where no frame can be pushed
        call explicit
        call fetches
        call implicit
        call user_side
        clear_cr4 CR4_SMAP | CR4_SMEP
        ret

; The user code: a load from its own page, then the report.
place_user_code:
        mov byte [abs FRAME + 0x1000], 0x8a     ; mov al, [USER_PAGE]
        mov byte [abs FRAME + 0x1001], 0x04
        mov byte [abs FRAME + 0x1002], 0x25
        mov dword [abs FRAME + 0x1003], USER_PAGE
        mov word [abs FRAME + 0x1007], 0xcd | VECTOR_DONE << 8
        ret

explicit:
        check read, "read"
          mov al, [abs USER_PAGE]
        done
        check write, "write"
          mov [abs USER_PAGE], al
        done
        check read_ac, "read with ac"
          stac
          mov al, [abs USER_PAGE]
        done
        check write_ac, "write with ac"
          stac
          mov [abs USER_PAGE], al
        done
        check write_ro_ac, "write to a read-only page with ac"
          stac
          mov [abs READ_ONLY], al
        done
        check write_ro, "write to a read-only page without"
          mov [abs READ_ONLY], al
        done
        check popf_ac, "ac set by popfq"
          push RFLAGS_AC | 2
          popfq
          mov al, [abs USER_PAGE]
        done
        check push, "push to a user page"
          mov esp, USER_PAGE + 0x800
          push rax
        done
        check movs, "movsb from a user page"
          mov esi, USER_PAGE
          mov edi, scratch
          movsb
        done
        ; differs(qemu): locked xadd - QEMU's TCG reports the read
        check rmw, "locked xadd"
          lock xadd [abs USER_PAGE], al
        done
        check absent, "a page that is not present, with ac"
          stac
          mov al, [abs 0x41000000]
        done
        ; differs(qemu): clflush - QEMU's TCG does not check
        check clflush_user, "clflush"
          clflush [abs USER_PAGE]
        done
        check prefetch_user, "prefetcht0"
          prefetcht0 [abs USER_PAGE]
        done
        check invlpg_user, "invlpg"
          invlpg [abs USER_PAGE]
        done
        check verr_memory, "verr from a user page"
          verr [abs USER_PAGE]
        done
        ret

fetches:
        check fetch, "fetch"
          mov eax, USER_PAGE
          call rax
        done
        check fetch_ac, "fetch with ac"
          stac
          mov eax, USER_PAGE
          call rax
        done
        clear_cr4 CR4_SMEP
        check fetch_no_smep, "fetch without smep"
          mov eax, USER_PAGE
          call rax
        done
        set_cr4 CR4_SMEP
        ret

; An LDT on a user page: loading a selector reads it implicitly. (That AC does not help there
; is not checked: neither QEMU nor Bochs 2.7 knows it.)
implicit:
        mov eax, [gdt + KERNEL_DS]
        mov [abs FRAME_2], eax
        mov eax, [gdt + KERNEL_DS + 4]
        mov [abs FRAME_2 + 4], eax
        mov edi, gdt + FREE_SELECTOR
        mov esi, DATA
        mov edx, DESC_P | DESC_LDT
        mov ecx, 7
        call write_system_descriptor
        mov eax, FREE_SELECTOR
        lldt ax
        check ldt_read, "mov ds, while the ldt is on a user page"
          mov eax, 4
          mov ds, eax
        done
        check ldt_lar, "lar"
          mov ecx, 4
          lar eax, ecx
        done
        ret

user_side:
        set_gate_type 0x40, GATE_INTERRUPT | GATE_DPL3
        on_interrupt 0x40, seen_ac
        begin_check user_load, "a user's load with ac clear"
          push USER_DS
          push 0x40004000
          push 2
          push USER_CS
          push CODE
          iretq
.body:
.done:
        begin_check user_load_ac, "a user's load with ac set"
          push USER_DS
          push 0x40004000
          push RFLAGS_AC | 2
          push USER_CS
          push CODE
          iretq
.body:
.done:
        check gate_keeps_ac, "an interrupt gate keeps ac"
          stac
          int 0x40
        done
        check clac_value, "clac"
          stac
          clac
          pushfq
          pop rax
        done_value
        ret

seen_ac:
        mov rax, [rdi + FRAME_RFLAGS]
        pushfq
        pop rcx
        shl rcx, 32
        or rax, rcx
        mov rcx, (RFLAGS_AC << 32) | RFLAGS_AC
        and rax, rcx
        mov [rdi + FRAME_RAX], rax
        mov qword [rdi + FRAME_VECTOR], VECTOR_VALUE
        clac
        jmp check_report

        section .data
scratch:        dq 0
