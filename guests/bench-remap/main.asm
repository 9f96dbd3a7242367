; bench-remap: 256 pages are given other frames, then translations are flushed once and all of them are touched; four
; thousand times. The result is the sum of what was counted in the frames: the number of touches.
; Shows: what many writes to page tables cost that one flush makes valid.
; bench: ops=1024000 unit=entry

%include "../inc/bench.inc"

%ifndef N
%define N 4000
%endif
WINDOW          equ 0x40000000
FRAMES          equ 0x1000000
PAGES           equ 256

main:
        mov edx, PTE_P | PTE_RW
        call identity_map
        mov xdi, WINDOW
        mov ecx, LEVEL_4K
        call page_entry
        mov xbp, xax                            ; the page table of the window
        bench_begin "remap, flush, touch"
        mov ecx, N
.next:  xor eax, eax
.map:   lea edx, [xax + xcx]                    ; page n has frame n + turn
        and edx, PAGES - 1
        shl edx, 12
        add edx, FRAMES + (PTE_P | PTE_RW)
        lea xdi, [xbp + xax * XSIZE]
        write_entry xdi, xdx
        inc eax
        cmp eax, PAGES
        jb .map
        read_cr xax, cr3
        write_cr cr3, xax
        mov edi, WINDOW
.touch: inc dword [xdi]
        add edi, 4096
        cmp edi, WINDOW + PAGES * 4096
        jb .touch
        dec ecx
        jnz .next

        xor eax, eax
        add_frames FRAMES, PAGES
        bench_end
        ret
