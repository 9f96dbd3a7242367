; What a kernel under direct paging gets when it writes to its L1 tables as if it could (VMASST_TYPE_writable_pagetables).
; Each line is one write: what `window` shows behind it, or the error code of the #PF with registers and entry as they were.

%include "../inc/para.inc"

VMASST_TYPE_writable_pagetables equ 2
PTE_P           equ 1
PTE_RW          equ 2
ADDRESS         equ 0x000f_ffff_ffff_f000
RFLAGS_TF       equ 0x100

        section .bss
        alignb 4096
window:         resb 4096               ; the page whose entry is written to, and the one behind it
behind:         resb 4096
page_a:         resb 4096
page_b:         resb 4096
traps:          resb 16 * 3
entry:          resq 1                  ; address of the L1 entry of `window`,
l2_entry:       resq 1                  ; and of the L2 entry above
a:              resq 1                  ; entries that map page_a and page_b
b:              resq 1
l1:             resq 1                  ; the L1 table itself, writable
before:         resq 1
resume:         resq 1
faults:         resq 1
fault_error:    resq 1
debugs:         resq 1
old_rsp:        resq 1
flush:          resq 3                  ; struct mmuext_op

        section .text
; write "text" ... written: what is between is tried.
%macro write 1
        print %1
        lea rax, [%%next]
        mov [resume], rax
        mov qword [faults], 0
        mov rbx, [entry]
        mov rax, [rbx]
        mov [before], rax
        mov [old_rsp], rsp
        mov rax, [a]
        mov rcx, [b]
        %push write
        %define %$next %%next
%endmacro
%macro written 0
%$next: pushfq
        call report
        lea rsp, [rsp + 8]
        %pop
%endmacro

main:   mov byte [page_a], 'a'
        mov byte [page_b], 'b'
        mov byte [window], 'w'
        mov byte [behind], 'w'
        lea rdi, [traps]
        mov dword [rdi], 1 | FLAT_KERNEL_CS << 16
        lea rax, [debug]
        mov [rdi + 8], rax
        mov dword [rdi + 16], 14 | FLAT_KERNEL_CS << 16
        lea rax, [page_fault]
        mov [rdi + 24], rax
        hypercall set_trap_table, traps
        lea rdi, [page_a]
        call find_entry
        mov rax, [rax]
        mov [a], rax
        lea rdi, [page_b]
        call find_entry
        mov rax, [rax]
        mov [b], rax
        lea rdi, [window]
        call find_entry
        mov [entry], rax
        mov [l2_entry], r8
        mov rax, [r8]
        mov [l1], rax

        write `without the assistance: `
          mov [rbx], rax
        written
        hypercall vm_assist, 0, VMASST_TYPE_writable_pagetables
        write `mov: `
          mov [rbx], rax
        written
        write `xchg: `
          xchg rcx, [rbx]
          mov rax, [a]
          xor rax, rcx
          test rax, ~0x100
          setz r9b
        written
        call tell_equal
        write `lock cmpxchg, not equal: `
          mov rax, 0x1234
          mov rcx, [a]
          lock cmpxchg [rbx], rcx
          setnz r9b
        written
        call tell_equal
        write `lock cmpxchg, equal: `
          mov rax, [rbx]
          mov rcx, [a]
          lock cmpxchg [rbx], rcx
          setz r9b
        written
        call tell_equal
        write `lock btr of R/W: `
          lock btr qword [rbx], 1
          setc r9b
        written
        call tell_equal
        call touch
        write `lock bts of R/W: `
          lock bts qword [rbx], 1
          setnc r9b
        written
        call tell_equal
        call touch
        write `halves, not present between: `
          mov dword [rbx], 0
          mov rdx, rcx
          shr rdx, 32
          mov [rbx + 4], edx
          mov [rbx], ecx
        written
        write `a byte: `
          or byte [rbx + 1], 2
          test byte [rbx + 1], 2
          setnz r9b
        written
        call tell_equal
        write `pop: `
          push rax
          pop qword [rbx]
        written
        write `rep stosq: `
          mov rdi, rbx
          mov rax, rcx
          mov ecx, 2
          rep stosq
          lea rax, [rbx + 16]
          cmp rdi, rax
          setz r9b
          cmp byte [behind], 'b'
          sete al
          and r9b, al
          test ecx, ecx
          setz al
          and r9b, al
        written
        call tell_equal

        write `a frame of nobody: `
          mov eax, 7
          xchg rax, [rbx]
        written
        cmp qword [fault_rax], 7
        sete r9b
        call tell_equal
        write `a page table, writable: `
          mov rax, [l1]
          mov [rbx], rax
        written
        write `reserved and forbidden bits: `
          or byte [rbx], 0x80
        written
        write `two entries at once: `
          mov [rbx + 4], rax
        written
        write `pop to two entries: `
          pop qword [rbx + 4]
        written
        write `cmpxchg16b: `
          and rbx, -16
          mov rdx, [rbx + 8]
          mov rax, [rbx]
          lock cmpxchg16b [rbx]
        written
        write `an L2 table: `
          mov rdx, [l2_entry]
          lock or dword [rdx], 0x20
        written
        write `with TF: `
          pushfq
          or qword [rsp], RFLAGS_TF
          popfq
          mov [rbx], rax
          nop
        written
        hypercall vm_assist, 1, VMASST_TYPE_writable_pagetables
        write `no assistance again: `
          mov [rbx], rcx
        written
        ret

; The write is over, by the #PF or without.
report: and qword [rsp + 8], ~RFLAGS_TF
        push qword [rsp + 8]
        popfq
        mov rdi, [resume]
        cmp qword [faults], 0
        jne .fault
        call flush_all
        movzx eax, byte [window]
        call write_char
        jmp .end
.fault: push rax
        print `#PF `
        print_hex [fault_error], 1
        mov rax, [entry]
        mov rax, [rax]
        cmp rax, [before]
        je .same
        print `, the entry has changed`
.same:  mov rax, [old_rsp]
        cmp rax, [fault_rsp]
        pop rax
        je .end
        print `, RSP has changed`
.end:   cmp qword [debugs], 0
        je .line
        print `, #DBs: `
        print_dec [debugs]
.line:  print `\n`
        ret

; R9B is not 0 if flags and registers were right.
tell_equal:
        test r9b, r9b
        jnz .done
        print `  wrong result\n`
.done:  ret

; A write to the window.
touch:  write `  a write there: `
          mov byte [window + 1], 1
        written
        ret

flush_all:
        mov qword [flush], MMUEXT_TLB_FLUSH_LOCAL
        hypercall mmuext_op, flush, 1, 0, DOMID_SELF
        ret

; Address of the L1 entry of RDI in RAX, and of the L2 entry in R8: tables are where their pseudo-physical addresses say.
find_entry:
        mov rsi, [boot_start_info]
        mov rsi, [rsi + start_info.pt_base]
        mov ecx, 39
.level: mov rax, rdi
        shr rax, cl
        and eax, 511
        lea rax, [rsi + rax * 8]
        cmp ecx, 12
        je .done
        mov r8, rax
        mov rsi, [rax]
        mov rdx, ADDRESS
        and rsi, rdx
        shr rsi, 12
        mov rdx, [frame_numbers]
        mov rsi, [rdx + rsi * 8]
        shl rsi, 12
        sub ecx, 9
        jmp .level
.done:  ret

page_fault:
        pop rcx
        pop r11
        pop qword [fault_error]
        inc qword [faults]
        mov [fault_rax], rax
        push rax
        mov rax, [rsp + 32]
        mov [fault_rsp], rax
        mov rax, [old_rsp]
        mov [rsp + 32], rax
        mov rax, [resume]
        mov [rsp + 8], rax
        pop rax
        hypercall_iret

debug:  pop rcx
        pop r11
        inc qword [debugs]
        hypercall_iret

        section .bss
fault_rsp:      resq 1
fault_rax:      resq 1
