/* SPDX-License-Identifier: MIT */
/*
 * Where direct calls lead, by their instructions.
 *
 * Trust:  none: a target counts where the image knows of code
 * Source: Intel's manual, CALL, JMP; Arm's, BL, B
 */
#include <elf.h>

#include "image/bodies.h"

enum { AARCH64_CODE = 4, SHORT_CODE = 2 };

uint64_t turf_call_code(const struct turf_body_event *call)
{
	return call->number & TURF_CALL_FROM ? call->start : call->start - TURF_CALL_CODE;
}

static bool target_x86(const struct turf_body_event *call, const uint8_t *code,
                       uint64_t *target)
{
	enum { CALL = 0xe8, JUMP = 0xe9, SHORT_JUMP = 0xeb };
	bool tail = call->number & TURF_CALL_TAIL, from = call->number & TURF_CALL_FROM;
	const uint8_t *brief = from ? code : code + TURF_CALL_CODE - SHORT_CODE;
	if (code[0] == (tail ? JUMP : CALL)) {
		uint32_t distance = (uint32_t)code[1] | (uint32_t)code[2] << 8 |
		                    (uint32_t)code[3] << 16 | (uint32_t)code[4] << 24;
		*target = call->start + (from ? TURF_CALL_CODE : 0) +
		          (uint64_t)(int64_t)(int32_t)distance;
		return true;
	}
	if (!tail || brief[0] != SHORT_JUMP)
		return false;
	*target = call->start + (from ? SHORT_CODE : 0) + (uint64_t)(int64_t)(int8_t)brief[1];
	return true;
}

static bool target_aarch64(const struct turf_body_event *call, const uint8_t *code,
                           uint64_t *target)
{
	enum { OPERATION = 0x3f, BRANCH = 0x05, LINK = 0x25 };
	bool tail = call->number & TURF_CALL_TAIL, from = call->number & TURF_CALL_FROM;
	code += from ? 0 : TURF_CALL_CODE - AARCH64_CODE;
	uint32_t word = (uint32_t)code[0] | (uint32_t)code[1] << 8 | (uint32_t)code[2] << 16 |
	                (uint32_t)code[3] << 24;
	if (word >> 26 != (tail ? BRANCH : LINK))
		return false;
	int64_t distance = (int64_t)((uint64_t)word << 38) >> 36; /* 26 bits, in words */
	*target = call->start - (from ? 0 : AARCH64_CODE) + (uint64_t)distance;
	return true;
}

bool turf_call_target(uint16_t machine, const struct turf_body_event *call, const uint8_t *code,
                      uint64_t *target)
{
	switch (machine) {
	case EM_X86_64:
		return target_x86(call, code, target);
	case EM_386:
		if (!target_x86(call, code, target))
			return false;
		*target &= UINT32_MAX;
		return true;
	case EM_AARCH64:
		return target_aarch64(call, code, target);
	default:
		return false;
	}
}

int turf_image_call(const struct turf_image *image, const struct turf_body_event *call,
                    const uint8_t code[TURF_CALL_CODE], struct turf_call *out)
{
	struct turf_image_info info;
	struct turf_frames frames;
	struct turf_symbol symbol;
	struct turf_call found = { 0 };
	turf_image_info(image, &info);
	if (!turf_call_target(info.machine, call, code, &found.target) ||
	    found.target < info.base || found.target >= info.end)
		return 0;
	if (turf_image_frames(image, found.target, &frames) == 1 && frames.n) {
		const struct turf_frame *f = &frames.frame[frames.n - 1];
		if (f->has_start && f->function_start == found.target) {
			found.function = f->function;
			found.name = f->name;
			found.linkage_name = f->linkage_name;
		}
	}
	if (!found.name && turf_image_find_symbol(image, found.target, &symbol) == 1 &&
	    symbol.addr == found.target)
		found.name = symbol.name;
	*out = found;
	return 1;
}
