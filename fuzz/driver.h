/* SPDX-License-Identifier: MIT */
/* What driver.c asks of a target. */
#ifndef FUZZ_DRIVER_H
#define FUZZ_DRIVER_H

#include <stddef.h>
#include <stdint.h>

/* One input; 0. A fault ends the program. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Changes an input of @size bytes, for which there is room for @most, as @random says; its new
 * size. A target without it has single bytes bent.
 */
size_t fuzz_bend(uint8_t *data, size_t size, size_t most, uint64_t random);
/* Prints, as comments of TAP, what became of all inputs; a target may have nothing to tell. */
void fuzz_tell(void);

#endif
