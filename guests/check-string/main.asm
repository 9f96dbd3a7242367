; check-string: string instructions that fault in the middle, cross pages, overlap and run backwards; accesses that
; cross pages; instructions that cross pages; code that changes itself.
; Shows: the registers at a fault (what was done stays done), CR2 for the second page of a split access, that no
; byte of a split store is written when its second page faults, 32-bit address size, self-modifying code.
; SDM 2B REP; 3A 8.1.3 Handling Self- and Cross-Modifying Code; 4.7 Page-Fault Exceptions.

%include "../inc/guest.inc"
%include "../inc/check.inc"

WINDOW          equ 0x40000000                  ; two pages; the third is not present
EDGE            equ WINDOW + 0x2000
FRAME           equ 0x2000000
buffer          equ 0x3000000

main:
        call check_init
        map WINDOW, FRAME + PTE_P + PTE_RW + PTE_US
        map WINDOW + 0x1000, FRAME + 0x5000 + PTE_P + PTE_RW + PTE_US
        set_gate_type 14, GATE_INTERRUPT, 1     ; some checks leave RSP where no frame can be pushed
        call faults
        call crossings
        call overlaps
        jmp code

; print_state: RCX, RSI and RDI as the last check left them.
print_state:
        push rcx
        print `  rcx `
        print_hex rcx
        print ` rsi `
        print_hex rsi, 8
        print ` rdi `
        print_hex rdi, 8
        print `\n`
        pop rcx
        ret

; operands rcx, rsi, rdi
%macro operands 3
        mov rcx, %1
        mov esi, %2
        mov edi, %3
%endmacro

faults:
        operands 16, buffer, EDGE - 4
        check stosb, "rep stosb into a page that is not present"
          rep stosb
        done
        call print_state
        operands 16, buffer, EDGE - 12
        check stosq, "rep stosq, the second across the edge"
          rep stosq
        done
        call print_state
        operands 16, EDGE - 5, buffer
        check movsb_source, "rep movsb out of it"
          rep movsb
        done
        call print_state
        operands 16, EDGE - 8, EDGE - 3
        check movsb_both, "rep movsb, the destination first"
          rep movsb
        done
        call print_state
        operands 16, EDGE - 3, EDGE - 8
        check movsw_split, "rep movsw with a source across the edge"
          rep movsw
        done
        call print_state
        operands 100, EDGE - 4, buffer
        check lodsb, "rep lodsb"
          rep lodsb
        done
        call print_state
        mov eax, 0x77
        operands 100, buffer, EDGE - 4
        check scasb, "repne scasb"
          repne scasb
        done
        call print_state
        operands 100, EDGE - 8, EDGE - 4
        check cmpsb, "repe cmpsb stops at a difference"
          repe cmpsb
        done
        call print_state
        operands 8, buffer, WINDOW + 3
        check stosb_down, "rep stosb downwards out of the window"
          std
          rep stosb
        done
        call print_state
        operands 0, buffer, EDGE
        check stosb_none, "rep stosb of zero iterations"
          rep stosb
        done
        call print_state
        operands 0x100000002, buffer, WINDOW
        check stosb_32, "rep stosb with 32-bit addresses counts ecx"
          a32 rep stosb
        done
        call print_state
        operands 16, buffer, EDGE - 4
        user_check stosb_user, "rep stosb at cpl 3"
          rep stosb
        done
        call print_state
        ret

crossings:
        mov rax, 0x1122334455667788
        mov rbx, WINDOW + 0xffc
        check store, "store across two pages"
          mov [rbx], rax
          mov eax, [abs FRAME + 0x5000]
        done_value
        mov dword [abs FRAME + 0x5ffc], 0
        check store_fault, "store across the edge"
          mov rbx, EDGE - 4
          mov [rbx], rax
        done
        check store_nothing, "wrote nothing before it faulted"
          mov eax, [abs FRAME + 0x5ffc]
        done_value
        check load_fault, "load across the edge"
          mov eax, [abs EDGE - 1]
        done
        ; differs(qemu): xchg across - QEMU's TCG reports the read
        check xchg_fault, "xchg across the edge keeps its register"
          mov rax, 5
          xchg [abs EDGE - 4], rax
        done
        check rax_kept, "rax"
        done_value
        check push_fault, "push across the edge keeps rsp"
          mov esp, EDGE + 4
          push rax
        done
        check pop_memory, "pop to a page that is not present keeps rsp"
          mov rbx, rsp
          pop qword [abs EDGE]
        done
        check cmpxchg_fault, "cmpxchg that does not match writes, too"
          mov eax, 1
          map WINDOW + 0x4000, FRAME + PTE_P
          set_cr0 CR0_WP
          xor ecx, ecx
          mov eax, 0x55
          cmpxchg [abs WINDOW + 0x4100], ecx
        done
        check bt_fault, "bt with a register offset reaches outside its operand"
          mov ecx, 0x2000 * 8
          bt [abs WINDOW], ecx
        done
        check enter_fault, "enter"
          mov esp, EDGE + 0x10
          enter 0x20, 0
        done
        check wraps, "an access across the top of the address space"
          mov rbx, -1
          mov ax, [rbx]
        done
        ret

overlaps:
        mov rax, 0x0807060504030201
        mov [abs buffer], rax
        mov qword [abs buffer + 8], 0
        operands 8, buffer, buffer + 1
        check propagate, "overlapping rep movsb repeats the first byte"
          rep movsb
          mov rax, [abs buffer + 1]
        done_value
        mov rax, 0x0807060504030201
        mov [abs buffer], rax
        operands 8, buffer + 7, buffer + 8
        check backwards, "and moves the field downwards"
          std
          rep movsb
          mov rax, [abs buffer + 1]
        done_value
        mov rax, 0x0807060504030201
        mov [abs buffer], rax
        operands 3, buffer, buffer + 2
        check propagate_word, "overlapping rep movsw"
          rep movsw
          mov rax, [abs buffer]
        done_value
        operands 5, buffer, buffer
        check rep_lods, "rep lodsw"
          xor eax, eax
          rep lodsw
        done_value
        ret

code:
        check patch_next, "an instruction changed just before it runs"
          xor eax, eax
          mov byte [.patched + 1], 7
.patched: mov al, 1
        done_value
        check patch_loop, "an instruction changed in a loop"
          xor eax, eax
          mov ecx, 4
.again:   inc byte [.operand + 1]
.operand: add al, 0
          dec ecx
          jnz .again
        done_value
        mov word [abs FRAME + 0xffe], 0xb090    ; nop; mov al, ...
        mov word [abs FRAME + 0x5000], 0xc305   ; ... 5; ret
        check straddle, "an instruction across two pages"
          xor eax, eax
          mov ebx, WINDOW + 0xffe
          call rbx
        done_value
        mov byte [abs FRAME + 0x5000], 9
        check straddle_changed, "after its second page was changed through another address"
          xor eax, eax
          call rbx
        done_value
        map WINDOW + 0x1000, FRAME + 0x6000 + PTE_P + PTE_RW + PTE_US
        mov word [abs FRAME + 0x6000], 0xc30b
        invlpg [abs WINDOW + 0x1000]
        ; differs(bochs): after its second page was mapped - Bochs keeps the decoded instruction
        check straddle_mapped, "after its second page was mapped elsewhere"
          xor eax, eax
          call rbx
        done_value
        map WINDOW + 0x1000, 0
        invlpg [abs WINDOW + 0x1000]
        ; differs(bochs): after its second page was unmapped - Bochs keeps the decoded instruction
        check straddle_fault, "after its second page was unmapped"
          call rbx
        done
        check too_long, "an instruction of 16 bytes"
          times 15 db 0x66
          nop
        done
        check longest, "an instruction of 15 bytes"
          times 14 db 0x66
          nop
        done
        mov dword [abs FRAME + 0xffc], 0x66666666
        map WINDOW + 0x1000, FRAME + 0x7000 + PTE_P
        mov rax, 0x6666666666666666
        mov [abs FRAME + 0x7000], rax
        mov [abs FRAME + 0x7008], rax
        check too_long_straddle, "an instruction of more than 15 bytes across two pages"
          mov ebx, WINDOW + 0xffc
          jmp rbx
        done
        ret
