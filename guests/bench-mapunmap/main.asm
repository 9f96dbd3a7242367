; bench-mapunmap: two million times: write a page-table entry, write to the page, clear the entry, INVLPG.
; 256 addresses and frames take turns. The result is the sum of what was counted in the frames: the number of
; touches.
; Shows: what a page-table update, a TLB miss and an invalidation cost.
; bench: ops=2000000 unit=map-touch-unmap

%include "../inc/bench.inc"

%ifndef N
%define N 2000000
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
        bench_begin "map, touch, unmap, invlpg"
        mov ecx, N
.next:  mov eax, ecx
        and eax, PAGES - 1
        mov edx, eax
        shl edx, 12
        lea xbx, [xdx + FRAMES + PTE_P + PTE_RW]
        write_entry xbp + xax * XSIZE, xbx
        apply_entries
        inc dword [xdx + WINDOW]
        clear_entry xbp + xax * XSIZE
        flush_page [xdx + WINDOW]
        dec ecx
        jnz .next

        xor eax, eax
        add_frames FRAMES, PAGES
        bench_end
        ret
