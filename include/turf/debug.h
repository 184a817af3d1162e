/* SPDX-License-Identifier: MIT */
/*
 * Debug urfs, all of them: what a program includes that makes or asks them.
 *
 * Make one, or take the one that is there:
 *
 *     turf_store_open()                  a folder of urfs; turf_debug_builder() makes others
 *     turf_store_get()                   the urf of an ELF file, mapped
 *     turf_build(), turf_image_open()    the same without a folder: to a file, from a file
 *
 * Ask it, as often as you like, from any thread:
 *
 *     turf_image_frames(), turf_frames_next()    one address: functions, innermost first
 *     turf_image_frames_bulk()                   many addresses
 *     turf_image_text(), turf_image_path()       names and files of frames, which are numbers
 *     turf_image_find_function(), _symbol(), _unit(), _row(), _unwind()    one thing alone
 *
 * Ask by name, by line, by type (the cold part, which a hot or stripped urf has not):
 *
 *     turf_image_names(), turf_image_places()    turf/names.h
 *     turf_search_begin()                        names by prefix, glob, regular expression
 *     turf_image_type()                          turf/types.h
 *     turf_image_details(), turf_image_locals()  turf/variables.h
 *     turf_image_macro()                         turf/macros.h
 *
 * Look at it, check it, make it smaller:
 *
 *     turf_image_info(), turf_image_dump()
 *     turf_image_verify()
 *     turf_strip()
 *
 * Give it back:
 *
 *     turf_image_close(), turf_store_close()
 *
 * Every call answers as turf/error.h says. examples/symbolize.c is a whole program.
 */
#ifndef TURF_DEBUG_H
#define TURF_DEBUG_H

#include "turf/build.h"
#include "turf/error.h"
#include "turf/image.h"
#include "turf/macros.h"
#include "turf/names.h"
#include "turf/store.h"
#include "turf/types.h"
#include "turf/variables.h"

#endif
