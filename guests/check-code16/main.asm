; check-code16: 16-bit code and stack segments in protected mode (D = 0, B = 0), as OS/2, Windows 3 and loaders use
; them: what the size prefixes change, IP and SP that wrap at 64 KiB and limits that catch them, string
; instructions and loops that count in CX, far transfers in words, and 16-bit gates and TSS there and back.
; Shows: which results have 16 bits, and which addresses only look like it.
; SDM 1 3.6 Operand-Size and Address-Size Attributes; 2A CALL, ENTER, IRET, LOOP; 3A 5.3 Limit Checking,
; 21 Mixing 16-Bit and 32-Bit Code.

%include "../inc/guest32.inc"
%include "../inc/check32.inc"

CODE0           equ FREE_SELECTOR
CODE3           equ FREE_SELECTOR + 8 | 3
DATA            equ FREE_SELECTOR + 16 | 3      ; 64 KiB at BASE
STACK3          equ FREE_SELECTOR + 24 | 3      ; the same as a 16-bit stack
STACK0          equ FREE_SELECTOR + 32          ; 16-bit stack of ring 0, at STACK0_BASE
TSS16           equ FREE_SELECTOR + 40
CALL_GATE       equ FREE_SELECTOR + 48
HANDLER_CODE    equ FREE_SELECTOR + 56          ; 16-bit code of ring 0 at `handlers16`
BASE            equ 0x200000
CODE_BASE       equ 0x300000                    ; code that has to lie at a certain IP
STACK0_BASE     equ 0x400000
CODE16_TYPE     equ DESC_P | DESC_CODE
DATA_TYPE       equ DESC_P | DESC_DATA | DESC_DPL3
VECTOR          equ 0x40

; check16 label, "text": 16-bit code at CPL 0, IP 0 being the first byte of the body; SS is flat.
%macro check16 2
        begin_check %1, %2
        set_segment CODE0, CODE16_TYPE, 0xffff, .body
        jmp CODE0:0
        bits 16
.body:
%endmacro

; placed label, "text", IP: the same with the body at that IP.
%macro placed 3
        begin_check %1, %2
        mov esi, .body
        mov edi, CODE_BASE + %3
        mov ecx, .done - .body
        rep movsb
        set_segment CODE0, CODE16_TYPE, 0xffff, CODE_BASE
        xor eax, eax
        jmp CODE0:%3
        bits 16
.body:
%endmacro

; user16 label, "text", ESP: at CPL 3 with a 16-bit stack and data segments that are the same memory.
%macro user16 3
        begin_check %1, %2
  %define user16_text %2
        set_segment CODE3, CODE16_TYPE | DESC_DPL3, 0xffff, .body
        mov eax, DATA
        mov ds, eax
        mov es, eax
        push STACK3
        push 0
        push 2
        push CODE3
        push 0
        iretd
        bits 16
.body:    mov esp, %3                           ; IRET has left its upper half alone
%endmacro

%macro done16 0
        int VECTOR_DONE
        bits 32
.done:
%endmacro
%macro value16 0
        int VECTOR_VALUE
        bits 32
.done:
%endmacro

; stack16: ends a `user16` and prints the ESP that was pushed when it ended.
%macro stack16 0-1 VECTOR_DONE
        int %1
        bits 32
.done:
        print user16_text
        print `, esp: `
        print_hex [interrupt_stack_top - 8]
        print `\n`
%endmacro

; show "text": the registers in which a handler leaves what it saw.
%macro show 1
        print %1
        print `: `
        print_hex ebx, 4
        print ` `
        print_hex ecx, 4
        print ` `
        print_hex edx, 4
        print ` `
        print_hex esi, 4
        print ` `
        print_hex edi, 4
        print ` sp `
        print_hex ebp, 4
        print `\n`
%endmacro

main:
        call check_init
        call memory_init
        ; differs(qemu): limit - TCG checks no limits
        call prefixes
        call addresses
        call jumps
        call loops
        call strings
        call stacks
        call frames
        call expand_down
        call far_transfers
        call gates
        call tss16_stacks
        ret

; A run of INC AX, then INT: AX tells where a jump arrived. One at IP 0 and one at E000h of the code at CODE_BASE, and
; one for emulators that do not see its end.
SLED            equ 0x100
SLED_HIGH       equ 0xe000
LANDING_POP     equ SLED + 2                    ; pops into AX
memory_init:
        set_segment DATA, DATA_TYPE, 0xffff, BASE
        set_segment STACK3, DATA_TYPE, 0xffff, BASE
        set_segment STACK0, DESC_P | DESC_DATA, 0xffff, STACK0_BASE
        set_segment HANDLER_CODE, CODE16_TYPE, 0xffff, handlers16
        mov edi, CODE_BASE
        call write_sled
        mov dword [CODE_BASE + LANDING_POP], 0x58 | (0xcd << 8) | (VECTOR_VALUE << 16)
        mov edi, CODE_BASE + SLED_HIGH
        call write_sled
        mov edi, CODE_BASE + 0x10000
write_sled:
        mov al, 0x40
        mov ecx, SLED
        rep stosb
        mov word [edi], 0xcd | VECTOR_VALUE << 8
        ret

prefixes:
        check16 word_result, "a word leaves the upper half"
          mov eax, 0x12345678
          mov ax, 0x9abc
        value16
        check16 dword_result, "o32: a doubleword"
          mov eax, 0xfffffff0
          add eax, 0x20
        value16
        check16 carry, "add ax: carry out of bit 15"
          mov eax, 0x1ffff
          add ax, 1
          adc eax, 0x100
        value16
        check16 sign, "cbw, cwd"
          mov eax, 0x11110080
          mov edx, 0x22222222
          cbw
          cwd
          shl edx, 16
          mov dx, ax
          mov eax, edx
        value16
        check16 sign32, "cwde, cdq"
          mov eax, 0x11118000
          cwde
          cdq
          and eax, edx
        value16
        check16 multiply, "mul cx to dx:ax"
          mov eax, 0x11118000
          mov ecx, 0x22220003
          mov edx, 0x33333333
          mul cx
          rol edx, 16
          mov dx, ax
          mov eax, edx
        value16
        check16 divide, "div cx that overflows"
          mov dx, 2
          mov ax, 0
          mov cx, 2
          div cx
        done16
        check16 shift, "shl ax, 17: counts have 5 bits"
          mov eax, 0x12345678
          shl ax, 17
        value16
        check16 double_shift, "shld ax, dx, 4"
          mov eax, 0x12345678
          mov edx, 0xabcd9876
          shld ax, dx, 4
        value16
        check16 immediate, "sign-extended imm8 as a word"
          mov eax, 0x12340001
          add ax, -2
        value16
        check16 control, "mov from cr0 takes 32 bits"
          mov eax, cr0
          and eax, CR0_PG | CR0_PE
        value16
        check16 smsw16, "smsw ax"
          mov eax, 0x12340000
          smsw ax
          and eax, 0xffff0001
        value16
        check16 extend, "movzx and movsx"
          mov ebx, 0xffff8081
          mov eax, 0x11111111
          movsx ax, bl
          mov edx, 0x22222222
          movzx edx, bx
          xor eax, edx
        value16
        check16 lgdt_word, "lgdt of 16 bits: 24 bits of base"
          or dword [dword .pointer + 2], 0x55000000
          o16 lgdt [cs:.pointer - .body]
          mov ax, KERNEL_DS
          mov es, ax
          o32 lgdt [cs:.whole - .body]
          jmp short .over
.pointer: dw gdt_end - gdt - 1
          dd gdt
.whole:   dw gdt_end - gdt - 1
          dd gdt
.over:
        done16
        check16 bound16, "bound of words"
          mov eax, 0x00010005
          bound ax, [dword .limits]
          mov ax, 7
          bound ax, [dword .limits]
.limits:  dw -5, 6
        done16
        check16 les16, "les di, m16:16"
          mov edi, 0x55555555
          les di, [dword .pointer]
          mov eax, edi
          mov bx, es
          shl ebx, 16
          mov bx, ax
          xor eax, ebx
          jmp short .over
.pointer: dw 0x1234, KERNEL_DS
.over:
        value16
        check16 les32, "o32 les edi, m16:32"
          les edi, [dword .pointer]
          mov eax, edi
          jmp short .over
.pointer: dd 0x12345678
          dw KERNEL_DS
.over:
        value16
        ret

addresses:
        check16 lea_wrap, "lea eax, [bx + si + 7fffh] wraps"
          mov ebx, 0x1234ffff
          mov esi, 0x56788003
          lea eax, [bx + si + 0x7fff]
        value16
        check16 lea_word, "lea ax, [ebx + esi * 4]"
          mov eax, 0x77777777
          mov ebx, 0x12348000
          mov esi, 0x4001
          lea ax, [ebx + esi * 4]
        value16
        check16 lea_dword, "lea eax, [ebx + esi * 4]"
          mov ebx, 0x12348000
          mov esi, 0x4001
          lea eax, [ebx + esi * 4]
        value16
        set_segment DATA, DATA_TYPE | FLAT, 0xffff, BASE
        mov dword [BASE + 0xfffe], 0x44332211
        mov dword [BASE], 0x88776655
        user16 read_wrap, "[bx + si + disp] wraps", 0x8000
          mov bx, 0xfffe
          mov si, 0x4002
          mov eax, [bx + si - 0x4000]
        value16
        user16 read_edge, "a doubleword at fffeh goes on beyond 64 KiB", 0x8000
          mov bx, 0xfffe
          mov eax, [bx]
        value16
        user16 read_a32, "a32: [ebx + 1] does not wrap", 0x8000
          mov ebx, 0xffff
          mov eax, 0
          mov al, [ebx + 1]
        value16
        user16 offset16, "mov al, [moffs16]", 0x8000
          xor eax, eax
          mov al, [0xffff]
        value16
        user16 offset32, "a32 mov al, [moffs32]", 0x8000
          xor eax, eax
          a32 mov al, [0x10001]
        value16
        user16 xlat16, "xlat: bx + al wraps", 0x8000
          mov ebx, 0x1234ffff
          mov eax, 2
          xlatb
        value16
        user16 xlat32, "a32 xlat: ebx + al", 0x8000
          mov ebx, 0xffff
          mov eax, 2
          a32 xlatb
        value16
        set_segment DATA, DATA_TYPE, 0xffff, BASE
        user16 limit_edge, "limit ffff: a doubleword at fffeh", 0x8000
          mov bx, 0xfffe
          mov eax, [bx]
        done16
        user16 limit_word, "limit ffff: a word at ffffh", 0x8000
          mov bx, 0xffff
          inc word [bx]
        done16
        user16 limit_a32, "limit ffff: a32 [ebx + 1]", 0x8000
          mov ebx, 0xffff
          mov al, [ebx + 1]
        done16
        mov dword [BASE + 0xfffe], 0x44332211   ; an emulator without limits has changed it
        user16 bp_stack, "[bp + si] is in ss", 0x8000
          xor ax, ax
          mov ds, ax
          mov bp, 0xfff0
          mov si, 0xe
          mov ax, [bp + si]
          movzx eax, ax
        value16
        user16 limit_bp, "limit ffff: [bp + di] at ffffh", 0x8000
          mov bp, 0xfff0
          mov di, 0xf
          mov ax, [bp + di]
        done16
        check16 bit_string, "bt [mem], ax: a bit offset of 16 bits"
          mov eax, 0x1fff8                      ; -8 as a word
          mov dword [dword BASE + 0x100], 0
          mov byte [dword BASE + 0xff], 1
          bts [dword BASE + 0x100], ax
          sbb eax, eax
        value16
        check16 bit_string32, "o32 bt [mem], eax: one of 32 bits"
          mov byte [dword BASE + 0x100 + 0x1fff], 1
          mov eax, 0xfff8
          bts [dword BASE + 0x100], eax
          sbb eax, eax
        value16
        ret

jumps:
        placed short_wrap, "jmp short beyond ffffh wraps", 0xfff0
          jmp short .body + 0x20
        done16
        placed near_wrap, "jmp near beyond ffffh wraps", 0xff00
          jmp near .body + 0x1f0
        done16
        placed near_back, "jmp near below 0 wraps", 0x200
          jmp near .body - 0x200 - 0x2000 + 0x80
        done16
        placed limit_jmp32, "limit: o32 jmp near beyond ffffh", 0xff00
          jmp dword .body + 0x1f0
        done16
        placed limit_back32, "limit: o32 jmp near below 0", 0x200
          jmp dword .body - 0x200 - 0x2000 + 0x80
        done16
        placed jcc_wrap, "jz short beyond ffffh wraps", 0xfff0
          test ax, ax
          jz short .body + 0x20
        done16
        placed jcc_near_wrap, "jz near beyond ffffh wraps", 0xff00
          test ax, ax
          jz near .body + 0x1f0
        done16
        placed limit_jcc32, "limit: o32 jz near beyond ffffh", 0xff00
          test ax, ax
          db 0x66, 0x0f, 0x84                   ; jz rel32
          dd 0x1f0 - 9
        done16
        placed not_taken, "o32 jnz near beyond ffffh, not taken", 0xff00
          test ax, ax
          db 0x66, 0x0f, 0x85                   ; jnz rel32
          dd 0x1f0 - 9
        done16
        placed jmp_ax, "jmp ax", 0x1000
          mov ebx, 0x123400f0
          jmp bx
        done16
        placed limit_jmp_eax, "limit: jmp eax beyond ffffh", 0x1000
          mov ebx, 0x100f0
          jmp ebx
        done16
        placed call_wrap, "call: pushes ip, which has wrapped", 0xfffd
          call near .body + 3 + LANDING_POP
        done16
        placed call_wrap_low, "call from below 64 KiB", 0xff00
          call near .body + 0x100 + LANDING_POP
        done16
        placed call_dword, "o32 call pushes eip", 0x1000
          call dword .there
.there:   pop eax
        value16
        placed limit_call32, "limit: o32 call beyond ffffh", 0xff00
          call dword .body + 0x1f0
        done16
        placed ret16, "ret takes a word", 0x1000
          push dword 0x123400f0
          ret
        done16
        placed limit_ret32, "limit: o32 ret", 0x1000
          push dword 0x100f0
          o32 ret
        done16
        placed limit_end, "limit: the instruction after ffffh", 0xfffe
          nop
          nop
        done16
        placed limit_across, "limit: an instruction across it", 0xfffe
          mov ax, 0x1234
        done16
        placed limit_prefix, "limit: a prefix at ffffh", 0xffff
          mov eax, 1
        done16
        ret

loops:
        check16 loop_cx, "loop counts in cx"
          mov ecx, 0x50003
          xor eax, eax
.next:    inc ax
          loop .next
          shl ecx, 8
          or eax, ecx
        value16
        check16 loop_ecx, "a32 loop counts in ecx"
          mov ecx, 0x10001
          xor eax, eax
.next:    inc eax
          a32 loop .next
        value16
        check16 jcxz_taken, "jcxz looks at cx"
          mov ecx, 0x10000
          mov eax, 1
          jcxz .over
          mov eax, 2
.over:
        value16
        check16 jecxz_not, "jecxz looks at ecx"
          mov ecx, 0x10000
          mov eax, 1
          jecxz .over
          mov eax, 2
.over:
        value16
        placed loop_wrap, "loop beyond ffffh wraps", 0xfff0
          mov cx, 2
          loop .body + 0x20
        done16
        mov ecx, 5
        placed limit_loop32, "limit: o32 loop beyond ffffh", 0xfff0
          mov cx, 5
          db 0x66
          loop .body + 0x20
        done16
        print `limit: o32 loop: cx `
        print_dec ecx
        print `\n`
        placed jcxz_wrap, "jcxz beyond ffffh wraps", 0xfff0
          xor cx, cx
          jcxz .body + 0x20
        done16
        placed limit_jcxz32, "limit: o32 jcxz beyond ffffh", 0xfff0
          xor cx, cx
          db 0x66
          jcxz .body + 0x20
        done16
        ret

; string16 label, "text": strings at CPL 3; prints SI, DI and CX whole afterwards.
%macro string16 2
        user16 %1, %2, 0x8000
%endmacro
%macro string_end 0
        int VECTOR_DONE
        bits 32
.done:
        print user16_text
        print `, esi edi ecx: `
        print_hex esi
        print ` `
        print_hex edi
        print ` `
        print_hex ecx
        print `\n`
%endmacro

strings:
        string16 movs_wrap, "rep movsb: si and di wrap, cx counts"
          mov esi, 0x1234fffe
          mov edi, 0x5678fffd
          mov ecx, 0x9abc0005
          rep movsb
        string_end
        string16 movs_down, "std, movsw: below 0"
          std
          mov esi, 0x11110000
          mov edi, 0x22220002
          mov ecx, 0x33330002
          rep movsw
        string_end
        string16 movs_dword, "o32 rep movsd"
          mov esi, 0x10
          mov edi, 0xfffc
          mov ecx, 2
          rep movsd
        string_end
        string16 movs_a32, "a32 rep movsb uses esi, edi, ecx"
          mov esi, 0x10
          mov edi, 0x20
          mov ecx, 0x10
          a32 rep movsb
        string_end
        string16 zero, "rep stosw with cx 0"
          mov edi, 0xffff
          mov ecx, 0x10000
          rep stosw
        string_end
        mov dword [BASE + 0x100], 0x03020100
        mov dword [BASE + 0x104], 0x07060504
        string16 scas16, "repne scasb"
          mov edi, 0x12340100
          mov ecx, 0x5678ffff
          mov al, 6
          repne scasb
        string_end
        string16 cmps16, "repe cmpsb"
          mov esi, 0x100
          mov edi, 0x12340100
          mov ecx, 0x56780003
          repe cmpsb
        string_end
        string16 lods16, "rep lodsw"
          mov esi, 0xfffe
          mov ecx, 3
          rep lodsw
        string_end
        string16 limit_stos, "limit ffff: stosw at ffffh"
          mov edi, 0xffff
          stosw
        string_end
        string16 limit_rep, "limit ffff: rep stosw up to ffffh"
          mov edi, 0xfff9
          mov ecx, 8
          rep stosw
        string_end
        string16 limit_rep_a32, "limit ffff: a32 rep stosb"
          mov edi, 0xfff0
          mov ecx, 0x20
          a32 rep stosb
        string_end
        string16 override, "cs: lodsb"
          mov esi, .byte - .body
          mov edi, 0
          cs lodsb
          jmp .over
.byte:    nop
.over:    movzx cx, al
        string_end
        ret

stacks:
        user16 push_zero, "push at sp 0 wraps", 0x12340000
          push ax
        stack16
        user16 push_two, "push at sp 2", 2
          push ax
        stack16
        user16 limit_push, "limit ffff: push at sp 1", 1
          push ax
        stack16
        user16 push_dword, "push eax at sp 0", 0
          push eax
        stack16
        user16 limit_push_dword, "limit ffff: push eax at sp 2", 2
          push eax
        stack16
        user16 pop_end, "pop at fffeh wraps", 0xfffe
          pop ax
        stack16
        user16 limit_pop, "limit ffff: pop at ffffh", 0xffff
          pop ax
        stack16
        user16 limit_pop_dword, "limit ffff: pop eax at fffeh", 0xfffe
          pop eax
        stack16
        mov dword [BASE + 0x1000], 0x12345678
        user16 pop_sp, "pop sp", 0x1000
          pop sp
        stack16
        user16 pop_esp, "pop esp", 0x1000
          pop esp
        stack16
        user16 push_sp, "push sp, pop ax", 0x1000
          xor eax, eax
          push sp
          pop ax
        stack16 VECTOR_VALUE
        user16 push_memory, "push word [mem] and pop word [bx]", 0x1000
          mov word [0x300], 0x4321
          mov bx, 0x302
          push word [0x300]
          pop word [bx]
          movzx eax, word [0x302]
        stack16 VECTOR_VALUE
        user16 pop_memory_esp, "a32 pop word [esp]: esp is taken after the pop", 0x1000
          mov word [0x1002], 0
          pop word [esp]
          movzx eax, word [0x1002]
        stack16 VECTOR_VALUE
        user16 push_imm, "push imm8, imm16, imm32", 0x1000
          push -1
          push word 0x1234
          push dword 0x56789abc
          mov bp, sp
          mov eax, [bp + 4]
        stack16 VECTOR_VALUE
        user16 push_segment, "push ds, o32 push ds", 0x1000
          push ds
          o32 push ds
          mov bp, sp
          movzx eax, word [bp]
        stack16 VECTOR_VALUE
        user16 flags16, "pushf, popf", 0x1000
          push word 0xcd7
          popf
          pushf
          pop ax
          movzx eax, ax
        stack16 VECTOR_VALUE
        user16 pusha_zero, "pusha at sp 0", 0x70000
          pusha
        stack16
        user16 pusha_sp, "pusha pushes the old sp", 0x1000
          pusha
          mov bp, sp
          movzx eax, word [bp + 6]
        stack16 VECTOR_VALUE
        user16 pusha_wrap, "pusha at sp 8 wraps", 8
          pusha
        stack16
        user16 limit_pusha, "limit ffff: pusha at sp 7", 7
          pusha
        stack16
        user16 limit_pushad, "limit ffff: pushad at sp 1eh", 0x1e
          pushad
        stack16
        user16 popa_wrap, "popa at fff8h wraps", 0xfff8
          popa
        stack16
        user16 limit_popa, "limit ffff: popa at fff1h", 0xfff1
          popa
        stack16
        user16 popad16, "popad: esp is not popped", 0xffe0
          popad
        stack16
        user16 call_zero, "call at sp 0", 0
          call .there
.there:
        stack16
        user16 limit_call, "limit ffff: call at sp 1", 1
          call .there
.there:
        stack16
        user16 ret_imm, "ret 8 at fffeh", 0xfffe
          mov word [0xfffe], .there - .body
          ret 8
.there:
        stack16
        mov word [BASE + 0xffff], limit_ret.there - limit_ret.body
        user16 limit_ret, "limit ffff: ret at ffffh", 0xffff
          ret
.there:
        stack16
        user16 esp_base, "[esp] with upper bits set", 0x1000
          mov dword [0x1000], 0x600d
          mov eax, [esp]
        stack16 VECTOR_VALUE
        user16 limit_esp, "limit ffff: [esp] beyond 64 KiB", 0x11000
          mov eax, [esp]
        stack16
        user16 add_sp, "add sp wraps, esp keeps its upper half", 0x1234fff0
          add sp, 0x20
        stack16
        ret

frames:
        user16 enter_plain, "enter 16, 0", 0x12341000
          mov ebp, 0x5678abcd
          enter 16, 0
          mov eax, ebp
        stack16 VECTOR_VALUE
        user16 enter_wrap, "enter 16, 0 at sp 8", 8
          mov ebp, 0x5678abcd
          enter 16, 0
          mov eax, ebp
        stack16 VECTOR_VALUE
        user16 enter_nested, "enter 4, 3 copies frame pointers", 0x1000
          mov word [0x7fe], 0x1111
          mov word [0x7fc], 0x2222
          mov ebp, 0x800
          enter 4, 3
          mov ebx, ebp
          mov bp, sp
          mov eax, [bp + 6]
        stack16 VECTOR_VALUE
        user16 enter_dword, "o32 enter 16, 2", 0x1000
          mov dword [0x7fc], 0x11112222
          mov ebp, 0x56780800
          o32 enter 16, 2
          mov eax, ebp
        stack16 VECTOR_VALUE
        user16 enter_esp, "o32 enter 0, 1: the frame pointer is all of esp", 0x12341000
          o32 enter 0, 1
          mov bp, sp
          mov eax, [bp]
        stack16 VECTOR_VALUE
        user16 enter_bp_wrap, "enter 0, 2 with bp 0", 0x1000
          mov word [0xfffe], 0x7777
          xor ebp, ebp
          enter 0, 2
          mov bp, sp
          mov eax, [bp]
        stack16 VECTOR_VALUE
        user16 limit_enter, "limit ffff: enter 0, 2 with bp 1", 0x1000
          mov bp, 1
          enter 0, 2
        stack16
        user16 limit_enter_sp, "limit ffff: enter 0, 0 at sp 1", 1
          enter 0, 0
        stack16
        user16 leave16, "leave: bp to sp", 0x12341000
          mov word [0x2000], 0x4444
          mov ebp, 0x56782000
          leave
          mov eax, ebp
        stack16 VECTOR_VALUE
        user16 leave32, "o32 leave: ebp is popped, sp set", 0x12341000
          mov dword [0x2000], 0x33334444
          mov ebp, 0x56782000
          o32 leave
          mov eax, ebp
        stack16 VECTOR_VALUE
        user16 limit_leave, "limit ffff: leave with bp ffffh", 0x1000
          mov bp, 0xffff
          leave
        stack16
        ret

; Segments that expand down, of 64 KiB: what is above the limit, up to ffffh.
expand_down:
        set_segment STACK3, DATA_TYPE | DESC_DOWN, 0xfff, BASE
        set_segment DATA, DATA_TYPE | DESC_DOWN, 0xfff, BASE
        user16 down_push, "expand down from fffh: push at 1002h", 0x1002
          push ax
        stack16
        user16 limit_down_push, "limit fff, expand down: push at 1001h", 0x1001
          push ax
        stack16
        user16 down_zero, "expand down from fffh: push at sp 0", 0
          push ax
        stack16
        user16 limit_down_pop, "limit fff, expand down: pop at ffffh", 0xffff
          pop ax
        stack16
        user16 down_read, "expand down from fffh: byte at 1000h", 0x8000
          mov al, [0x1000]
        done16
        user16 limit_down_read, "limit fff, expand down: word at fffh", 0x8000
          mov ax, [0xfff]
        done16
        user16 down_last, "expand down from fffh: byte at ffffh", 0x8000
          mov al, [0xffff]
        done16
        user16 limit_down_a32, "limit fff, expand down: a32 byte at 10000h", 0x8000
          mov al, [dword 0x10000]
        done16
        set_segment DATA, DATA_TYPE | DESC_DOWN | DESC_D, 0xfff, BASE
        user16 down_big, "expand down to 4 GiB: a32 byte at 10000h", 0x8000
          mov al, [dword 0x10000]
        done16
        set_segment DATA, DATA_TYPE | DESC_DOWN, 0xffff, BASE
        user16 limit_down_all, "limit ffff, expand down: no byte is within", 0x8000
          mov al, [0xffff]
        done16
        set_segment STACK3, DATA_TYPE, 0xffff, BASE
        set_segment DATA, DATA_TYPE, 0xffff, BASE
        ret

far_transfers:
        check16 call_far, "call ptr16:16 pushes two words"
          mov ebx, esp
          call CODE0:.there - .body
.there:   sub bx, sp
          mov bp, sp
          movzx eax, bx
          shl eax, 24
          pop cx
          pop dx
          mov ax, dx
          add ax, cx
        value16
        check16 call_far32, "o32 call ptr16:32 pushes two doublewords"
          mov ebx, esp
          call dword CODE0:.there - .body
.there:   sub bx, sp
          movzx eax, bx
        value16
        check16 limit_jmp_far, "limit: o32 jmp ptr16:32"
          jmp dword CODE0:0x10000
        done16
        check16 jmp_far_memory, "jmp far [m16:16]"
          mov word [dword BASE], .there - .body
          mov word [dword BASE + 2], CODE0
          mov eax, 1
          jmp far [dword BASE]
          int VECTOR_DONE
.there:   mov eax, 2
        value16
        check16 retf16, "retf takes two words"
          mov ebx, esp
          push word CODE0
          push word .there - .body
          retf
.there:   mov eax, ebx
          sub eax, esp
        value16
        check16 retf_imm, "retf 6"
          mov ebx, esp
          sub esp, 6
          push word CODE0
          push word .there - .body
          retf 6
.there:   mov eax, esp
          sub eax, ebx
        value16
        check16 retf32, "o32 retf takes two doublewords"
          mov ebx, esp
          push dword CODE0
          push dword .there - .body
          o32 retf
.there:   mov eax, ebx
          sub eax, esp
        value16
        check16 limit_retf32, "limit: o32 retf beyond ffffh"
          push dword CODE0
          push dword 0x10000
          o32 retf
        done16
        check16 iret16, "iret takes three words, keeps the upper flags"
          push dword RFLAGS_AC | 2
          popfd
          push word 0xcd7
          push word CODE0
          push word .there - .body
          iret
.there:   pushfd
          pop eax
        value16
        check16 iret32, "o32 iret takes three doublewords"
          push dword RFLAGS_AC | 0xcd7
          push dword CODE0
          push dword .there - .body
          iretd
.there:   pushfd
          pop eax
        value16
        check16 to_code32, "jmp to 32-bit code"
          jmp dword KERNEL_CS:.there
        bits 32
.there:   mov eax, 0x12345678
        done_value
        ; differs(bochs): call ptr16:16 at sp 2: - it wants both words in one piece; processors wrap
        ; differs(bochs): call ptr16:16 at sp 2, - the same
        user16 far_user, "call ptr16:16 at sp 2", 2
          call CODE3:.there - .body
.there:
        stack16
        ; differs(bochs): retf at fffeh: - as the call
        ; differs(bochs): retf at fffeh, - the same
        user16 far_user_wrap, "retf at fffeh", 0xfffe
          mov word [0xfffe], .there - .body
          mov word [0], CODE3
          retf
.there:
        stack16
        user16 limit_far_user, "limit ffff: call ptr16:16 at sp 1", 1
          call CODE3:.there - .body
.there:
        stack16
        user16 inner, "retf to an inner ring", 0x1000
          push word CODE0
          push word 0
          retf
        stack16
        ret

; Where gates lead: BX, CX, DX, SI, DI = words of the frame, BP = SP. They return.
; see_frame ebp, esp is for a flat stack, see_frame bp, sp for one of 16 bits.
%macro see_frame 2
        mov %1, %2
        mov bx, [%1]
        mov cx, [%1 + 2]
        mov dx, [%1 + 4]
        mov si, [%1 + 6]
        mov di, [%1 + 8]
%endmacro
        bits 16
handlers16:
interrupt_flat:
        see_frame ebp, esp
        iret
interrupt16:
        see_frame bp, sp
        iret
call_flat:
        see_frame ebp, esp
        retf 4
call16: see_frame bp, sp
        retf 4
        bits 32

clear_registers:
        xor ebx, ebx
        xor ecx, ecx
        xor edx, edx
        xor esi, esi
        xor edi, edi
        xor ebp, ebp
        ret

; Gates of 16 bits at CPL 0.
gates:
        gate_at idt + VECTOR * 8, DESC_P | DESC_DPL3 | DESC_INT_GATE16, HANDLER_CODE, interrupt_flat - handlers16
        call clear_registers
        check16 int16, "int through a 16-bit gate and iret"
          mov eax, esp
          push dword 0x12345678
          int VECTOR
          add sp, 4
          sub eax, esp
        value16
        sub ebp, [check_esp]
        show "int through a 16-bit gate"
        call clear_registers
        check16 int16_flags, "its iret brings back 16 flags"
          push dword RFLAGS_AC | 0xcd7
          popfd
          int VECTOR
          pushfd
          pop eax
        value16
        gate_at gdt + CALL_GATE, DESC_P | DESC_CALL_GATE16, HANDLER_CODE, call_flat - handlers16
        call clear_registers
        check16 gate16, "call through a 16-bit gate and retf 4"
          mov eax, esp
          push word 0x2222
          push word 0x3333
          push word 0x4444
          call CALL_GATE:0
          add sp, 2
          sub eax, esp
        value16
        sub ebp, [check_esp]
        show "call through a 16-bit gate"
        gate_at gdt + CALL_GATE, DESC_P | DESC_CALL_GATE, KERNEL_CS, call32
        check16 gate32, "call through a 32-bit gate and retf"
          mov eax, esp
          call CALL_GATE:0
          sub eax, esp
        value16
        print `call through a 32-bit gate: `
        print_hex ebx
        print ` `
        print_hex ecx
        print `\n`
        ret
call32:
        mov ebx, [esp]
        mov ecx, [esp + 4]
        retf

; The same from CPL 3, with the stack out of a 16-bit TSS.
tss16_stacks:
        gate_at idt + VECTOR * 8, DESC_P | DESC_DPL3 | DESC_INT_GATE16, HANDLER_CODE, interrupt16 - handlers16
        mov word [tss16 + 2], 0x2000            ; SP0, SS0
        mov word [tss16 + 4], STACK0
        set_segment TSS16, DESC_P | DESC_TSS16, 43, tss16
        mov eax, TSS16
        ltr ax
        call clear_registers
        user16 int_user, "int from cpl 3 to a 16-bit stack, and iret", 0x1000
          int VECTOR
          mov ax, ss
          shl eax, 16
          mov ax, sp
        value16
        show "int from cpl 3"
        gate_at gdt + CALL_GATE, DESC_P | DESC_DPL3 | DESC_CALL_GATE16 | 2, HANDLER_CODE, call16 - handlers16
        call clear_registers
        user16 gate_user, "call from cpl 3 with 2 parameters, and retf 4", 0x1000
          push word 0x3333
          push word 0x4444
          call (CALL_GATE | 3):0
          mov ax, ss
          shl eax, 16
          mov ax, sp
        value16
        show "call from cpl 3"
        call clear_registers
        ; differs(bochs): parameters across - it reads them in one piece
        ; differs(bochs): frame below - the same
        user16 gate_user_wrap, "parameters across sp 0", 2
          push word 0x3333
          push word 0x4444
          call (CALL_GATE | 3):0
          mov ax, sp
          movzx eax, ax
        value16
        show "frame below them"
        mov word [tss16 + 2], 8
        ; differs(bochs): sp0 of 8 - its iret reads the frame in one piece
        user16 sp0_small, "sp0 of 8 wraps", 0x1000
          int VECTOR
        done16
        ret

        section .data
        align 4, db 0
tss16:          times 22 dw 0
