/* SPDX-License-Identifier: MIT */
/* Core files: one made here with all that is read of them, and everything that may be wrong. */
#include <elf.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "process/core.h"
#include "store/fake.h"
#if HAVE_ZSTD
#include <zstd.h>
#endif
#if HAVE_LZ4
#include <lz4frame.h>
#endif

enum {
	PID = 4242,
	CODE = 0x400000,
	DATA = 0x500000,
	LEFT_OUT = 0x600000, /* mapped, but not in the core */
	VDSO = 0x700000,
	PAGE = 4096,
	FAULT = 0x18,
};

struct maker {
	struct buf bytes, notes;
};

static void put(struct buf *b, const void *at, size_t n)
{
	ck_assert(turf_buf_put(b, at, n));
}

static void put64(struct buf *b, uint64_t v)
{
	put(b, &v, sizeof(v));
}

static void put_note(struct buf *b, uint32_t type, const void *at, size_t n)
{
	static const uint8_t zeroes[4];
	Elf64_Nhdr head = { 5, (Elf64_Word)n, type };
	put(b, &head, sizeof(head));
	put(b, "CORE\0\0\0", 8);
	put(b, at, n);
	put(b, zeroes, align_up(n, 4) - n);
}

static void put_thread(struct buf *b, uint32_t tid, uint64_t rip)
{
	uint8_t status[336] = { 0 };
	memcpy(status + 32, &tid, sizeof(tid));
	memcpy(status + 112 + 8 * 16, &rip, sizeof(rip));
	put_note(b, NT_PRSTATUS, status, sizeof(status));
}

static void put_notes(struct buf *b, const char *file)
{
	uint8_t info[136] = { 0 }, signal[128] = { 0 };
	const uint32_t pid = PID, what[] = { SIGSEGV, 0, SEGV_MAPERR, 0, FAULT };
	const uint64_t auxv[] = { AT_SYSINFO_EHDR, VDSO, AT_NULL, 0 };
	put_thread(b, PID, CODE + 0x10);
	memcpy(info + 24, &pid, sizeof(pid));
	memcpy(info + 40, "0123456789abcdef", 16); /* no room for the NUL */
	memcpy(info + 56, "prog  ", 6);
	put_note(b, NT_PRPSINFO, info, sizeof(info));
	memcpy(signal, what, sizeof(what));
	put_note(b, NT_SIGINFO, signal, sizeof(signal));
	put_note(b, NT_AUXV, auxv, sizeof(auxv));
	struct buf files = { 0 };
	put64(&files, 2);
	put64(&files, PAGE);
	put64(&files, LEFT_OUT); /* not by address */
	put64(&files, LEFT_OUT + 2 * PAGE);
	put64(&files, 0);
	put64(&files, CODE);
	put64(&files, CODE + PAGE);
	put64(&files, 3);
	put(&files, file, strlen(file) + 1);
	put(&files, file, strlen(file) + 1);
	put_note(b, NT_FILE, files.at, files.n);
	vec_fini(&files);
	put_thread(b, PID + 1, CODE + 0x20);
	put_note(b, 0x12345678, "?", 1); /* of no kind that we know */
}

static void put_segment(struct buf *b, uint32_t type, uint32_t flags, uint64_t off,
                        uint64_t addr, uint64_t file_size, uint64_t mem_size)
{
	Elf64_Phdr p = { type, flags, off, addr, 0, file_size, mem_size, 1 };
	put(b, &p, sizeof(p));
}

/* The core of a process that had @file mapped at LEFT_OUT and, from page 3 on, at CODE. */
static struct buf make_core(const char *file)
{
	struct buf notes = { 0 }, core = { 0 };
	enum { N = 5, HEAD = sizeof(Elf64_Ehdr) + N * sizeof(Elf64_Phdr) };
	put_notes(&notes, file);
	Elf64_Ehdr head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
		            .e_type = ET_CORE,
		            .e_machine = EM_X86_64,
		            .e_version = EV_CURRENT,
		            .e_phoff = sizeof(head),
		            .e_ehsize = sizeof(head),
		            .e_phentsize = sizeof(Elf64_Phdr),
		            .e_phnum = N };
	put(&core, &head, sizeof(head));
	uint64_t data = HEAD + notes.n;
	put_segment(&core, PT_NOTE, 0, HEAD, 0, notes.n, 0);
	put_segment(&core, PT_LOAD, PF_R | PF_X, data, CODE, 32,
	            PAGE); /* the rest is left out */
	put_segment(&core, PT_LOAD, PF_R | PF_W, data, DATA, 16, 16);
	put_segment(&core, PT_LOAD, PF_R, data, LEFT_OUT, 0, 2 * PAGE);
	put_segment(&core, PT_LOAD, PF_R | PF_X, data + 16, VDSO, 16, 16);
	put(&core, notes.at, notes.n);
	put(&core, "0123456789abcdefABCDEFGHIJKLMNOP", 32);
	vec_fini(&notes);
	return core;
}

static int open_core(struct turf_processes *table, struct span bytes, struct turf_core **ret,
                     struct turf_error *err)
{
	scoped(closep) int fd = memfd_create("core", MFD_CLOEXEC);
	ck_assert_int_eq(turf_write_all(fd, bytes.at, bytes.size), 0);
	return turf_core_open(table, fd, "core", ret, err);
}

static void expect(struct turf_core *core, uint64_t addr, size_t n, int r, const char *bytes)
{
	char got[64] = "";
	struct turf_memory memory = turf_core_memory(core);
	ck_assert_int_eq(memory.read(memory.ctx, addr, got, n), r);
	if (r == 0)
		ck_assert_mem_eq(got, bytes, n);
}

/* A file of five pages, each of which begins with its number. */
static void make_file(struct fake *fake, char path[128])
{
	uint8_t page[PAGE] = { 0 };
	snprintf(path, 128, "%s/mapped", fake->folder);
	FILE *f = fopen(path, "w");
	for (char i = '0'; i < '5'; i++) {
		page[0] = (uint8_t)i;
		page[PAGE - 1] = (uint8_t)i;
		fwrite(page, 1, PAGE, f);
	}
	fclose(f);
}

START_TEST(tells_all)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	struct turf_processes *table = NULL;
	char path[128];
	make_file(&fake, path);
	ck_assert_int_eq(turf_processes_new(fake.store, &table, NULL), 0);
	struct buf bytes = make_core(path);
	struct turf_core *core = NULL;
	ck_assert_int_eq(open_core(table, (struct span){ bytes.at, bytes.n }, &core, NULL), 0);

	struct turf_core_info info = { .size = sizeof(info) };
	turf_core_info(core, &info);
	ck_assert_int_eq(info.pid, PID);
	ck_assert_str_eq(info.name, "0123456789abcdef");
	ck_assert_str_eq(info.command, "prog");
	ck_assert_uint_eq(info.n_threads, 2);
	ck_assert_uint_eq(info.machine, EM_X86_64);
	ck_assert_int_eq(info.signal, SIGSEGV);
	ck_assert(info.has_fault && info.fault == FAULT);
	ck_assert_uint_eq(info.missing, 0);

	expect(core, CODE, 32, 0, "0123456789abcdefABCDEFGHIJKLMNOP");
	expect(core, CODE + PAGE - 1, 1, 0, "3");        /* out of the file */
	expect(core, CODE + 31, 3, 0, "P\0\0");          /* of both */
	expect(core, CODE + PAGE - 1, 2, -EFAULT, NULL); /* behind it is nothing */
	expect(core, DATA, 16, 0, "0123456789abcdef");
	expect(core, DATA + 16, 1, -EFAULT, NULL);
	expect(core, LEFT_OUT + PAGE - 1, 2, 0, "01");
	expect(core, 0, 8, -EFAULT, NULL);
	expect(core, VDSO, 4, 0, "ABCD");

	struct turf_process *process = turf_core_process(core);
	struct turf_location at;
	ck_assert_int_eq(turf_process_pid(process), PID);
	ck_assert_ptr_eq(turf_processes_find(table, PID), process);
	ck_assert_int_eq(turf_process_locate(process, CODE + 1, &at), 1);
	ck_assert_str_eq(turf_module_path(at.module), path);
	ck_assert_int_eq(turf_process_locate(process, VDSO + 1, &at), 1);
	ck_assert_str_eq(turf_module_path(at.module), "[vdso]");
	ck_assert_int_eq(turf_process_locate(process, DATA, &at), 0);
	turf_core_close(core);

	unlink(path);
	ck_assert_int_eq(open_core(table, (struct span){ bytes.at, bytes.n }, &core, NULL), 0);
	expect(core, LEFT_OUT, 2, -ENODATA, NULL);
	expect(core, CODE, 32, 0, "0123456789abcdefABCDEFGHIJKLMNOP");
	turf_core_close(core);
	vec_fini(&bytes);
	turf_processes_free(table);
	fake_close(&fake);
}
END_TEST

START_TEST(one_cut_short_has_what_it_has)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	struct turf_processes *table = NULL;
	ck_assert_int_eq(turf_processes_new(fake.store, &table, NULL), 0);
	struct buf bytes = make_core("/none");
	struct turf_core *core = NULL;
	ck_assert_int_eq(open_core(table, (struct span){ bytes.at, bytes.n - 20 }, &core, NULL),
	                 0);
	struct turf_core_info info = { .size = sizeof(info) };
	turf_core_info(core, &info);
	ck_assert_uint_eq(info.missing, 20 + 4 + 16);
	expect(core, DATA, 12, 0, "0123456789ab");
	expect(core, DATA + 8, 8, -ENODATA, NULL);
	expect(core, VDSO, 1, -ENODATA, NULL);
	turf_core_close(core);
	vec_fini(&bytes);
	turf_processes_free(table);
	fake_close(&fake);
}
END_TEST

/* Opens it, or not, and reads all that is mapped; nothing may come of it but an answer. */
static void survive(struct span bytes)
{
	struct turf_processes *table = NULL;
	struct turf_core *core = NULL;
	struct turf_error err = { 0 };
	ck_assert_int_eq(turf_processes_new(NULL, &table, NULL), 0);
	int r = open_core(table, bytes, &core, &err);
	if (r < 0)
		ck_assert_msg(err.code == r && *err.text, "%d", r);
	for (uint64_t addr = CODE; core && addr <= VDSO; addr += 0x100000) {
		uint8_t got[64];
		struct turf_memory memory = turf_core_memory(core);
		memory.read(memory.ctx, addr, got, sizeof(got));
	}
	turf_core_close(core);
	turf_processes_free(table);
}

START_TEST(every_prefix_and_every_bent_byte_is_survived)
{
	struct buf bytes = make_core("/none");
	for (size_t n = 0; n < bytes.n; n++)
		survive((struct span){ bytes.at, n });
	for (size_t i = 0; i < bytes.n; i++) {
		static const uint8_t bends[] = { 0x01, 0x80, 0xff };
		for (size_t k = 0; k < COUNT(bends); k++) {
			bytes.at[i] ^= bends[k];
			survive((struct span){ bytes.at, bytes.n });
			bytes.at[i] ^= bends[k];
		}
	}
	vec_fini(&bytes);
}
END_TEST

/* The core in its compressed form tells the same; a bad one is survived. */
static void expect_inflated(struct span packed, struct span bytes)
{
	struct turf_error err = { 0 };
	scoped(closep) int fd = memfd_create("packed", MFD_CLOEXEC);
	ck_assert_int_eq(turf_write_all(fd, packed.at, packed.size), 0);
	scoped(closep) int got = turf_core_inflate(fd, "packed", &err);
	ck_assert_msg(got >= 0, "%s", err.text);
	struct mapping m;
	ck_assert_int_eq(turf_map_fd(got, "inflated", &m, NULL), 0);
	ck_assert_uint_eq(m.bytes.size, bytes.size);
	ck_assert_mem_eq(m.bytes.at, bytes.at, bytes.size);
	turf_unmap(&m);
	every_prefix(packed, survive);
	every_byte_bent(packed, survive);
}

START_TEST(compressed_ones)
{
	struct buf bytes = make_core("/none"), packed = { 0 };
	struct span all;
	(void)expect_inflated; /* a build may have no codec */
	ck_assert(vec_reserve(&bytes, 3000));
	memset(bytes.at + bytes.n, 0, 3000); /* so that there is something to compress */
	bytes.n += 3000;
	all = (struct span){ bytes.at, bytes.n };
#if HAVE_ZSTD
	ck_assert(vec_reserve(&packed, ZSTD_compressBound(bytes.n)));
	packed.n = ZSTD_compress(packed.at, packed.room, bytes.at, bytes.n, 1);
	ck_assert(!ZSTD_isError(packed.n));
	expect_inflated((struct span){ packed.at, packed.n }, all);
	packed.n = 0;
#endif
#if HAVE_LZ4
	ck_assert(vec_reserve(&packed, LZ4F_compressFrameBound(bytes.n, NULL)));
	packed.n = LZ4F_compressFrame(packed.at, packed.room, bytes.at, bytes.n, NULL);
	ck_assert(!LZ4F_isError(packed.n));
	expect_inflated((struct span){ packed.at, packed.n }, all);
#endif
	(void)all;
	vec_fini(&packed);
	vec_fini(&bytes);
}
END_TEST

START_TEST(refuses_what_is_none)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t byte;
		int r;
		const char *text;
	} cases[] = {
		{ "a program", offsetof(Elf64_Ehdr, e_type), ET_EXEC, -EBADMSG, "not a core" },
		{ "32 bits", EI_CLASS, ELFCLASS32, -EBADMSG, "core" },
		{ "no ELF file", 0, 'x', -EBADMSG, "core: " },
		{ "xz", 0, 0xfd, -ENOTSUP, "xz" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf bytes = make_core("/none");
		struct turf_processes *table = NULL;
		struct turf_core *core = NULL;
		struct turf_error err = { 0 };
		bytes.at[cases[i].at] = cases[i].byte;
		if (cases[i].byte == 0xfd)
			memcpy(bytes.at,
			       "\xfd"
			       "7zXZ",
			       6);
		ck_assert_int_eq(turf_processes_new(NULL, &table, NULL), 0);
		int r = open_core(table, (struct span){ bytes.at, bytes.n }, &core, &err);
		ck_assert_msg(r == cases[i].r, "%s: %d", cases[i].what, r);
		ck_assert_msg(strstr(err.text, cases[i].text), "%s: %s", cases[i].what,
		              err.text);
		ck_assert_ptr_null(core);
		turf_processes_free(table);
		vec_fini(&bytes);
	}
}
END_TEST

TESTS("process/core", tells_all, one_cut_short_has_what_it_has,
      every_prefix_and_every_bent_byte_is_survived, compressed_ones, refuses_what_is_none)
