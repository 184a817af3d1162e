/* SPDX-License-Identifier: MIT */
/*
 * A builder for tests: writes an urf that knows nothing but the source's PT_LOAD segments,
 * counts its runs in a file that all processes see, and fails, waits or dies when told to.
 */
#ifndef TESTS_STORE_FAKE_H
#define TESTS_STORE_FAKE_H

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/le.h"
#include "base/vec.h"
#include "lib/emit.h"
#include "lib/test.h"
#include "turf/store.h"

struct fake {
	char folder[64];    /* everything the test makes lies in here */
	char log[96];       /* a byte for each build begun */
	char input[96];     /* path of the one further input; "" none */
	int fail;           /* negative errno of the next builds */
	bool fail_on_disk;  /* fail only when the target lies on a disk */
	bool garbage;       /* write something that is no urf */
	bool die;           /* SIGKILL itself in the middle */
	int hold;           /* builds last until a read here ends; 0: not */
	char change[160];   /* file to append to during the next build */
	bool change_always; /* and during all later ones */
	struct turf_store *store;
};

/* The note that an urf begins with, so that its header can be found behind it. */
static const uint8_t fake_note[] = { 4, 0, 0,   0,   4,   0, 0, 0, 3, 0,
	                             0, 0, 'G', 'N', 'U', 0, 1, 2, 3, 4 };

static struct span fake_loads(struct buf *b, struct span source)
{
	Elf64_Ehdr eh = { 0 };
	if (source.size >= sizeof(eh) && memcmp(source.at, ELFMAG, SELFMAG) == 0)
		memcpy(&eh, source.at, sizeof(eh));
	for (size_t i = 0; i < eh.e_phnum; i++) {
		Elf64_Phdr ph;
		struct span at = span_part(source, eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (!at.at)
			break;
		memcpy(&ph, at.at, sizeof(ph));
		struct urf_load load = {
			.off = le64_of(ph.p_offset),
			.addr = le64_of(ph.p_vaddr),
			.file_size = le64_of(ph.p_filesz),
			.mem_size = le64_of(ph.p_memsz),
			.flags = le32_of(ph.p_flags),
		};
		if (ph.p_type == PT_LOAD && !turf_buf_put(b, &load, sizeof(load)))
			abort();
	}
	return (struct span){ b->at, b->n };
}

static struct span fake_urf(struct span source)
{
	struct buf loads = { 0 };
	struct urf_head head = {
		.version = le16_of(URF_VERSION),
		.head_size = le16_of(sizeof(head)),
		.kind = le16_of(URF_DEBUG),
		.machine = le16_of(EM_X86_64),
		.end = le64_of(1),
		.n_sections = le32_of(URF_N_SECTIONS),
		.source_id_size = 1,
	};
	struct elf_out out = { .machine = EM_X86_64, .n_sections = 4 };
	out.section[0] = (struct elf_out_section){
		".note.gnu.build-id", SHT_NOTE, 4, 0, { fake_note, sizeof(fake_note) }, 0
	};
	out.section[1] = (struct elf_out_section){
		".urf.head", SHT_PROGBITS, 8, 0, { (const uint8_t *)&head, sizeof(head) }, 0
	};
	out.section[2] = (struct elf_out_section){
		".urf.loads", SHT_PROGBITS, 8, 0, fake_loads(&loads, source), 0
	};
	out.section[3] = (struct elf_out_section){
		".urf.texts", SHT_PROGBITS, 1, 0, { (const uint8_t *)"", 1 }, 0
	};
	if (turf_elf_layout(&out) < 0)
		abort();
	memcpy(head.magic, URF_MAGIC, sizeof(head.magic));
	memcpy(head.layout, URF_LAYOUT, sizeof(head.layout));
	head.size = le64_of(out.size);
	head.sections[URF_LOADS] = (struct urf_section){ le64_of(out.section[2].off),
		                                         le64_of(out.section[2].bytes.size) };
	head.sections[URF_TEXTS] =
		(struct urf_section){ le64_of(out.section[3].off), le64_of(1) };
	uint8_t *bytes = malloc(out.size);
	if (!bytes)
		abort();
	emit_elf(&out, bytes);
	vec_fini(&loads);
	return (struct span){ bytes, out.size };
}

static void fake_append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
}

static int fake_inputs(void *ctx, int source_fd, const char *name,
                       void (*emit)(void *emit_ctx, const char *path, int fd), void *emit_ctx,
                       struct turf_error *err)
{
	const struct fake *fake = ctx;
	(void)source_fd, (void)name, (void)err;
	if (!*fake->input)
		return 0;
	scoped(closep) int fd = open(fake->input, O_RDONLY | O_CLOEXEC);
	emit(emit_ctx, fake->input, fd);
	return 0;
}

static bool fake_on_disk(int fd)
{
	return fcntl(fd, F_GET_SEALS) < 0; /* memory files alone have seals */
}

static int fake_build(void *ctx, int source_fd, const char *name, int out_fd,
                      struct turf_error *err)
{
	struct fake *fake = ctx;
	fake_append(fake->log, "b");
	if (*fake->change) {
		fake_append(fake->change, "more");
		if (!fake->change_always)
			*fake->change = 0;
	}
	char c;
	if (fake->hold && read(fake->hold, &c, 1) < 0)
		abort();
	if (fake->fail && (!fake->fail_on_disk || fake_on_disk(out_fd)))
		return turf_fail(err, fake->fail, 7, "%s: told to fail", name);
	if (fake->garbage)
		return turf_write_all(out_fd, "no urf", 6);
	struct mapping source;
	int r = turf_map_fd(source_fd, name, &source, err);
	if (r < 0)
		return r;
	struct span urf = fake_urf(source.bytes);
	r = turf_write_all(out_fd, urf.at, fake->die ? urf.size / 2 : urf.size);
	if (fake->die)
		raise(SIGKILL);
	free((void *)urf.at);
	turf_unmap(&source);
	return r;
}

/* Of a store at @path, whose builder is of that number. */
static inline struct turf_store_options fake_options(struct fake *fake, const char *path,
                                                     uint64_t id)
{
	return (struct turf_store_options){
		.size = sizeof(struct turf_store_options),
		.path = path,
		.builder = { fake, fake_inputs, fake_build, id },
	};
}

/* A fresh folder with an open store in it. */
static inline void fake_open(struct fake *fake)
{
	snprintf(fake->folder, sizeof(fake->folder), "%s/turf-test-XXXXXX", "/tmp");
	if (!mkdtemp(fake->folder) || chmod(fake->folder, 0777) < 0)
		abort();
	snprintf(fake->log, sizeof(fake->log), "%s/log", fake->folder);
	fake_append(fake->log, "");
	if (chmod(fake->log, 0666) < 0)
		abort();
	char path[96];
	snprintf(path, sizeof(path), "%s/store", fake->folder);
	struct turf_store_options options = fake_options(fake, path, 0);
	struct turf_error err = { 0 };
	int r = turf_store_open(&options, &fake->store, &err);
	ck_assert_msg(r == 0, "%d: %s", r, err.text);
}

static inline void fake_close(struct fake *fake)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf '%s'", fake->folder);
	turf_store_close(fake->store);
	if (system(command) != 0)
		abort();
}

/* How often a build was begun, by any process. */
static inline size_t fake_builds(const struct fake *fake)
{
	struct stat st;
	return stat(fake->log, &st) == 0 ? (size_t)st.st_size : 0;
}

#endif
