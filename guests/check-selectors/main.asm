; check-selectors: LAR, LSL, VERR and VERW over one descriptor of each kind, at CPL 0 and 3, with RPL 0 and 3.
; A result is LSL's limit in the upper half; bits 19 to 16 hold ZF after VERW, VERR, LSL and LAR; bits 15 to 0
; are LAR's bits 23 to 8 without the limit bits that the manual leaves undefined.
; Shows: which types each instruction accepts, the DPL and RPL checks, that conforming code ignores them.
; Takes no fault. SDM 2A LAR, LSL; 2B VERR/VERW.

%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/descriptors.inc"

ACCESS_RIGHTS   equ 0x00f0ff00

main:
        call check_init
        call descriptors_init
        ; differs(qemu): task gate - QEMU's LAR accepts a task gate, a type that 64-bit mode does not have
        xor r12d, r12d
next_kind:
        movzx r13d, word [kind_selectors + r12 * 2]
        call print_kind
        check kernel_rpl0, "cpl 0 rpl 0"
          call probe
        done_value
        call print_kind
        or r13d, 3
        check kernel_rpl3, "cpl 0 rpl 3"
          call probe
        done_value
        call print_kind
        user_check user_rpl3, "cpl 3 rpl 3"
          call probe
        done_value
        call print_kind
        and r13d, ~3
        user_check user_rpl0, "cpl 3 rpl 0"
          call probe
        done_value
        inc r12d
        cmp r12d, KIND_COUNT
        jb next_kind

        check null_selector, "null selector"
          xor r13d, r13d
          call probe
        done_value
        check beyond, "beyond the gdt"
          mov r13d, 0x1000
          call probe
        done_value
        check no_ldt, "in the ldt, while there is none"
          mov r13d, 0x0c
          call probe
        done_value
        check lar_widths, "lar into 16 bits keeps the upper bits"
          mov rax, 0x1234567812345678
          mov ecx, KERNEL_CS
          lar ax, cx
        done_value
        check lar_width_64, "lar into 64 bits"
          mov rax, -1
          mov ecx, KERNEL_CS
          lar rax, rcx
          mov ecx, ACCESS_RIGHTS | 0xff0000ff
          and rax, rcx
        done_value
        check lar_memory, "lar from memory reads 16 bits"
          lar eax, [selector_word]
          and eax, ACCESS_RIGHTS
        done_value
        check lsl_unchanged, "lsl of a bad selector keeps its destination"
          mov eax, 0x55
          xor ecx, ecx
          lsl eax, ecx
        done_value
landing:
        ret

; probe: R13 = selector. Returns RAX as the header says.
probe:
        xor ebx, ebx
        xor ecx, ecx
        xor esi, esi
        lar ecx, r13d
        setz sil
        lsl ebx, r13d
        setz al
        movzx eax, al
        lea esi, [rsi + rax * 2]
        verr r13w
        setz al
        movzx eax, al
        lea esi, [rsi + rax * 4]
        verw r13w
        setz al
        movzx eax, al
        lea esi, [rsi + rax * 8]
        and ecx, ACCESS_RIGHTS
        shr ecx, 8
        shl esi, 16
        mov rax, rbx
        shl rax, 32
        or rax, rcx
        or rax, rsi
        ret

        section .data
selector_word:  dw KERNEL_DS
                dw 0xffff
