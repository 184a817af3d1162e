/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Runs in the kernel: tells of mappings of code that go or move, which perf events do not.
 *
 * Out:    struct unmap_event for each, by a ring buffer
 * Source: format files of the tracepoints syscalls:sys_{enter,exit}_{munmap,mremap}
 */
typedef unsigned char __u8;
typedef unsigned short __u16, __be16;
typedef unsigned int __u32, __be32, __wsum;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;

#include <bpf/bpf_helpers.h>

#include "profile/unmap-event.h"

enum {
	RINGBUF = 27, /* BPF_MAP_TYPE_RINGBUF */
	HASH = 1,     /* BPF_MAP_TYPE_HASH */
	ANY = 0,      /* BPF_ANY */
	VM_EXEC = 4,
	PAGE = 4096, /* the least there is: where pages are larger, ranges are multiples of it
	              */
	MOVES = 1024,
};

/* What we read of the kernel's structures; libbpf finds where it is. */
struct file;
struct vm_area_struct {
	unsigned long vm_start, vm_end, vm_flags;
	struct file *vm_file;
} __attribute__((preserve_access_index));

struct syscall_enter {
	__u64 common, nr, args[6];
};

struct syscall_exit {
	__u64 common, nr, result;
};

struct {
	__uint(type, RINGBUF);
	__uint(max_entries, UNMAP_RING);
} events SEC(".maps");

/* Calls of mremap that go on, by thread. */
struct {
	__uint(type, HASH);
	__uint(max_entries, MOVES);
	__type(key, __u64);
	__type(value, struct unmap_event);
} moves SEC(".maps");

__u64 n_lost; /* read by the other side */

char terms[] SEC("license") = "Dual MIT/GPL";

struct asked {
	__u64 end;
	int whole; /* the range lies in this one mapping */
	int code, file;
};

static long look(struct task_struct *task, struct vm_area_struct *vma, struct asked *asked)
{
	(void)task;
	asked->whole = vma->vm_end >= asked->end;
	asked->code = (vma->vm_flags & VM_EXEC) != 0;
	asked->file = vma->vm_file != 0;
	return 0;
}

static __u64 pages(__u64 size)
{
	return (size + PAGE - 1) & ~(__u64)(PAGE - 1);
}

static void begin(struct unmap_event *e, __u64 start, __u64 size)
{
	__u64 id = bpf_get_current_pid_tgid();
	e->time_ns = bpf_ktime_get_ns();
	e->start = start;
	e->end = start + pages(size);
	e->to = e->to_end = 0;
	e->pid = id >> 32;
	e->tid = (__u32)id;
}

static void tell(const struct unmap_event *e)
{
	if (bpf_ringbuf_output(&events, (void *)e, sizeof(*e), 0) < 0)
		__sync_fetch_and_add(&n_lost, 1);
}

/* Told when it begins: when it has ended, something else may stand there. */
SEC("tracepoint/syscalls/sys_enter_munmap")
int on_munmap(struct syscall_enter *c)
{
	struct unmap_event e;
	begin(&e, c->args[0], c->args[1]);
	struct asked asked = { .end = e.end };
	long r = bpf_find_vma(bpf_get_current_task_btf(), e.start, look, &asked, 0);
	/* what malloc gives back is one mapping without code */
	if (r == 0 && asked.whole && !asked.code)
		return 0;
	tell(&e);
	return 0;
}

/* Anonymous code that takes a file's place is left alone: it is a copy, in larger pages. */
SEC("tracepoint/syscalls/sys_enter_mremap")
int on_mremap(struct syscall_enter *c)
{
	struct unmap_event e;
	begin(&e, c->args[0], c->args[1]);
	e.to_end = pages(c->args[2]);
	struct asked asked = { .end = e.end };
	long r = bpf_find_vma(bpf_get_current_task_btf(), e.start, look, &asked, 0);
	if (r == 0 && !(asked.code && asked.file))
		return 0;
	__u64 id = bpf_get_current_pid_tgid();
	if (bpf_map_update_elem(&moves, &id, &e, ANY) < 0)
		__sync_fetch_and_add(&n_lost, 1);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_mremap")
int on_mremap_done(struct syscall_exit *c)
{
	__u64 id = bpf_get_current_pid_tgid();
	const struct unmap_event *begun = bpf_map_lookup_elem(&moves, &id);
	if (!begun)
		return 0;
	struct unmap_event e = *begun;
	bpf_map_delete_elem(&moves, &id);
	if (c->result >= (__u64)-4095) /* an error: nothing moved */
		return 0;
	e.to = c->result;
	e.to_end += e.to;
	tell(&e);
	return 0;
}
