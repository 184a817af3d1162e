/* SPDX-License-Identifier: MIT */
/* What assembly has: functions with and without a type and a size, labels inside, no DWARF
 * functions at all; padding. Plain enough for every machine. */
	.text
	.globl	asm_sized
	.type	asm_sized, %function
asm_sized:
	nop
	nop
inside_sized:
	nop
	.size	asm_sized, . - asm_sized
	.balign	16
	.globl	asm_unsized
	.type	asm_unsized, %function
asm_unsized:
	nop
	nop
	.globl	asm_untyped
asm_untyped:
	nop
	nop
	.globl	asm_alias
	.set	asm_alias, asm_sized
	.section .note.GNU-stack, "", %progbits
