; check-limits32: accesses at, across and beyond the limits of segments of each type, in 32-bit protected mode, and
; everything that uses the stack at its limit.
; Shows: limits in bytes and pages, expand-down segments of 16 and 32 bits, read-only and code segments, #SS against
; #GP, 16-bit addresses and stacks, string instructions that meet the limit.
; SDM 3A 5.3 Limit Checking, 5.4 Type Checking; 2A-2D PUSH, POP, ENTER, MOVS.

%include "../inc/guest32.inc"
%include "../inc/check32.inc"

SLOT            equ FREE_SELECTOR                       ; the segment of the checks
SLOT_USER       equ FREE_SELECTOR + 8 | 3
BASE            equ 0x200000                            ; where it begins

main:
        call check_init
        ; differs(qemu): * - TCG checks no limits
        call limits
        call stacks
        ret

landing:
        mov eax, cs
        int VECTOR_VALUE

%macro a16_read 0
        mov ebx, 0xffff
        mov al, [bx + 1]
%endmacro
%macro a16_word_read 0
        mov ebx, 0xffff
        mov ax, [bx]
%endmacro
%macro lods_run 2
        mov esi, %1
        mov ecx, %2
        rep lodsd
%endmacro
%macro lods_registers 0
        mov esi, 0xff8
        mov ecx, 8
        rep lodsd
%endmacro
%macro xlat_beyond 0
        mov ebx, 0xff0
        mov al, 0x10
        xlatb
%endmacro

; access label, "text", type of segment, limit, base, instruction with SLOT in ds: at CPL 0.
%macro access 6+
        set_segment SLOT, %3, %4, %5
        check %1, %2
          mov eax, SLOT
          mov ds, ax
          xor eax, eax
          %6
        done
%endmacro

RW              equ DESC_P | DESC_DATA
UP              equ RW | DESC_D
DOWN            equ RW | DESC_DOWN

limits:
        access up_last, "limit fff, up: byte at fff", UP, 0xfff, BASE, mov al, [0xfff]
        access up_byte, "limit fff, up: byte at 1000", UP, 0xfff, BASE, mov al, [0x1000]
        access up_word, "limit fff, up: word at ffe", UP, 0xfff, BASE, mov ax, [0xffe]
        access up_word2, "limit fff, up: word at fff", UP, 0xfff, BASE, mov ax, [0xfff]
        access up_dword, "limit fff, up: dword at ffc", UP, 0xfff, BASE, mov eax, [0xffc]
        access up_dword2, "limit fff, up: dword at ffd", UP, 0xfff, BASE, mov eax, [0xffd]
        access up_store, "limit fff, up: store at ffd", UP, 0xfff, BASE, mov [0xffd], eax
        access up_add, "limit fff, up: add at 1000", UP, 0xfff, BASE, add [0x1000], al
        access up_high, "limit fff, up: dword at fffffffc", UP, 0xfff, BASE, mov eax, [0xfffffffc]
        access up_zero, "limit 0: byte at 0", UP, 0, BASE, mov al, [0]
        access up_zero1, "limit 0: byte at 1", UP, 0, BASE, mov al, [1]
        access up_pages, "limit of 2 pages: dword at 1ffc", UP | DESC_G, 1, BASE, mov eax, [0x1ffc]
        access up_pages2, "limit of 2 pages: dword at 1ffd", UP | DESC_G, 1, BASE, mov eax, [0x1ffd]
        access ro_read, "limit fff, read-only: read", UP & ~0x200, 0xfff, BASE, mov eax, [0x10]
        access ro_write, "limit fff, read-only: write", UP & ~0x200, 0xfff, BASE, mov [0x10], eax
        access ro_inc, "limit fff, read-only: inc", UP & ~0x200, 0xfff, BASE, inc byte [0x10]
        access code_read, "limit fff, code: read", DESC_P | DESC_D | DESC_CODE, 0xfff, BASE, mov eax, [0x10]
        access code_write, "limit fff, code: write", DESC_P | DESC_D | DESC_CODE, 0xfff, BASE, mov [0x10], eax
        access down_first, "limit fff, down: byte at 1000", DOWN | DESC_D, 0xfff, BASE, mov al, [0x1000]
        access down_below, "limit fff, down: byte at fff", DOWN | DESC_D, 0xfff, BASE, mov al, [0xfff]
        access down_cross, "limit fff, down: word at fff", DOWN | DESC_D, 0xfff, BASE, mov ax, [0xfff]
        access down_top, "limit fff, down: dword at fffc", DOWN | DESC_D, 0xfff, BASE, mov eax, [0xfffc]
        access down16_top, "limit fff, down, 16-bit: dword at fffc", DOWN, 0xfff, BASE, mov eax, [0xfffc]
        access down16_over, "limit fff, down, 16-bit: dword at fffd", DOWN, 0xfff, BASE, mov eax, [0xfffd]
        access down16_far, "limit fff, down, 16-bit: byte at 10000", DOWN, 0xfff, BASE, mov al, [0x10000]
        access down_pages, "limit of 2 pages, down: byte at 1fff", DOWN | DESC_D | DESC_G, 1, BASE, mov al, [0x1fff]
        access down_pages2, "limit of 2 pages, down: byte at 2000", DOWN | DESC_D | DESC_G, 1, BASE, mov al, [0x2000]
        access a16_wrap, "limit ffff: byte at bx+1 with 16-bit addresses", UP, 0xffff, BASE, a16_read
        access a16_word, "limit ffff: word at ffff with 16-bit addresses", UP, 0xffff, BASE, a16_word_read
        access string_in, "limit fff: rep lodsd up to the limit", UP, 0xfff, BASE, lods_run 0xff0, 4
        access string_out, "limit fff: rep lodsd beyond the limit", UP, 0xfff, BASE, lods_run 0xff0, 5
        access string_esi, "limit fff: esi after rep lodsd beyond the limit", UP, 0xfff, BASE, lods_registers
        access xlat_in, "limit fff: xlat beyond the limit", UP, 0xfff, BASE, xlat_beyond
        access base_wrap, "limit 4g, base fffff000: byte at 201000", UP | FLAT, 0xffff, 0xfffff000, mov al, [BASE + 0x1000]
        set_segment SLOT, UP, 0xfff, BASE
        check cs_read, "limit: cs: override"
          mov eax, [cs:BASE]
        done
        check cs_write, "limit: write through cs"
          mov [cs:BASE], eax
        done
        check fs_limit, "limit: fs: override beyond it"
          mov eax, SLOT
          mov fs, ax
          mov eax, [fs:0x1000]
        done
        check es_limit, "limit: stosd beyond it"
          mov eax, SLOT
          mov es, ax
          mov edi, 0xffd
          stosd
        done
        check movs_limit, "limit: rep movsb, count of what is left"
          mov eax, SLOT
          mov es, ax
          mov esi, BASE
          mov edi, 0xff0
          mov ecx, 0x20
          rep movsb
        done
        print_hex ecx
        print ` left\n`
        set_segment SLOT_USER, UP | DESC_DPL3, 0xfff, BASE
        user_check user_limit, "limit: user write beyond it"
          mov eax, SLOT_USER
          mov ds, ax
          mov [0x1000], eax
        done
        ret

; on_stack label, "text", type of stack segment, limit, ESP: the body runs at CPL 1 with SLOT in SS.
%macro on_stack 5
        set_segment SLOT, (%3) | DESC_DPL1, %4, BASE
        ring_check %1, %2, RING1_CS, RING1_DS
          mov eax, SLOT | 1
          mov ss, ax
          mov esp, %5
%endmacro

STACK           equ DESC_P | DESC_DATA | DESC_D
STACK16         equ DESC_P | DESC_DATA

stacks:
        on_stack push_ok, "limit fff, stack: push at 4", STACK, 0xfff, 4
          push eax
        done
        on_stack push_zero, "limit fff, stack: push at 0", STACK, 0xfff, 0
          push eax
        done
        on_stack push_two, "limit fff, stack: push at 2", STACK, 0xfff, 2
          push eax
        done
        on_stack push_word, "limit fff, stack: push word at 2", STACK, 0xfff, 2
          push ax
        done
        on_stack push_high, "limit fff, stack: push at 1004", STACK, 0xfff, 0x1004
          push eax
        done
        on_stack pop_high, "limit fff, stack: pop at ffd", STACK, 0xfff, 0xffd
          pop eax
        done
        on_stack pop_last, "limit fff, stack: pop at ffc", STACK, 0xfff, 0xffc
          pop eax
        done
        on_stack push16_zero, "limit ffff, 16-bit stack: push at 0", STACK16, 0xffff, 0x80000
          push eax
          mov eax, esp
        done_value
        on_stack push16_one, "limit ffff, 16-bit stack: push at 1", STACK16, 0xffff, 1
          push eax
        done
        on_stack push16_two, "limit ffff, 16-bit stack: push word at 1", STACK16, 0xffff, 1
          push ax
        done
        on_stack pop16, "limit ffff, 16-bit stack: pop at fffc wraps sp", STACK16, 0xffff, 0xfffc
          pop eax
          mov eax, esp
        done_value
        on_stack esp16, "limit ffff, 16-bit stack: [esp] with upper bits", STACK16, 0xffff, 0x10000
          mov eax, [esp]
        done
        on_stack ebp16, "limit ffff, 16-bit stack: [ebp + 4]", STACK16, 0xffff, 0x100
          mov ebp, 0xfffc
          mov eax, [ebp + 4]
        done
        on_stack down_push, "limit fff, stack that expands down: push at 1004", STACK | DESC_DOWN, 0xfff, 0x1004
          push eax
        done
        on_stack down_push2, "limit fff, stack that expands down: push at 1003", STACK | DESC_DOWN, 0xfff, 0x1003
          push eax
        done
        on_stack down_zero, "limit fff, stack that expands down: pop at ffffffff", STACK | DESC_DOWN, 0xfff, 0xffffffff
          pop eax
        done
        on_stack down16_zero, "limit fff, 16-bit stack that expands down: push at 0", STACK16 | DESC_DOWN, 0xfff, 0
          push eax
          mov eax, esp
        done_value
        on_stack pushad_limit, "limit fff, stack: pushad at 1c", STACK, 0xfff, 0x1c
          pushad
        done
        on_stack popad_limit, "limit fff, stack: popad at fe4", STACK, 0xfff, 0xfe4
          popad
        done
        on_stack call_limit, "limit fff, stack: call at 0", STACK, 0xfff, 0
          call landing
        done
        on_stack ret_limit, "limit fff, stack: ret at 1000", STACK, 0xfff, 0x1000
          ret
        done
        on_stack enter_limit, "limit fff, stack: enter 16, 0 at 10", STACK, 0xfff, 0x10
          enter 16, 0
        done
        on_stack enter_room, "limit fff, stack: enter 16, 0 at 18", STACK, 0xfff, 0x18
          enter 16, 0
          mov eax, esp
        done_value
        on_stack leave16, "limit ffff, 16-bit stack: leave", STACK16, 0xffff, 0x1000
          mov ebp, 0x12342000
          leave
          mov eax, esp
        done_value
        on_stack iret_limit, "limit fff, stack: iret at ff8", STACK, 0xfff, 0xff8
          iretd
        done
        on_stack retf_limit, "limit fff, stack: retf at ffc", STACK, 0xfff, 0xffc
          retf
        done
        on_stack int_limit, "limit fff, stack: int to ring 0 from a stack at 0", STACK, 0xfff, 0
        done
        on_stack pushf_limit, "limit fff, stack: pushfd at 2", STACK, 0xfff, 2
          pushfd
        done
        ret
