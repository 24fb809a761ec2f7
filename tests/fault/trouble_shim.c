/* The system as it is on bad days, preloaded into mailboxd by tests/daemon/trouble_test.py (rows G5 to G8 of HOSTILE.md).
 *
 * A page of a file that the test maps as well (TROUBLE_SHIM_CONTROL) says what is wrong, at any moment:
 *   ragged   reads and writes of files and sockets move a part of the bytes, are interrupted (EINTR) or, on sockets, told to
 *            come again (EAGAIN), in turn; what is asked of files opened with O_DIRECT stays in whole blocks
 *   hanging  renames, links and creations do not come back until it is 0 again
 *   slow     syncs, and writes that are syncs, take so many milliseconds longer
 *   clock    the time of day is so many seconds off; what measures spans is not
 *   memory   the n-th allocation from now on fails; only in an executable without a sanitizer, which has its own
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* As trouble_test.py packs it: little-endian, 8 bytes each. */
struct Control {
  _Atomic int64_t ragged;
  _Atomic int64_t hanging;
  _Atomic int64_t memory;
  _Atomic int64_t cut;     /* calls that were made ragged */
  _Atomic int64_t held;    /* calls that hang now */
  _Atomic int64_t refused; /* allocations */
  _Atomic int64_t clock;
  _Atomic int64_t slow;
  _Atomic int64_t slowed;  /* calls that were slow */
};

static struct Control *control;
enum { kBlock = 4096 };

__attribute__((constructor)) static void begin(void)
{
  const char *path = getenv("TROUBLE_SHIM_CONTROL");
  if (!path) return;
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) _exit(98);
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  syscall(SYS_close, fd);
  if (page == MAP_FAILED) _exit(98);
  control = page;
}

#define REAL(result, name, ...)                                                \
  static _Atomic(uintptr_t) looked_up;                                         \
  uintptr_t address_of_real = atomic_load(&looked_up);                         \
  if (!address_of_real) {                                                      \
    address_of_real = (uintptr_t)dlsym(RTLD_NEXT, #name);                      \
    if (!address_of_real) _exit(99);                                           \
    atomic_store(&looked_up, address_of_real);                                 \
  }                                                                            \
  result (*const real)(__VA_ARGS__) = (result(*)(__VA_ARGS__))address_of_real

/* ---- ragged: files and sockets only; an eventfd or a pipe has no part of its bytes */

enum Kind { kOther, kFile, kSocket };

static enum Kind kind_of(int fd)
{
  struct stat status;
  const int before = errno;
  const int known = !fstat(fd, &status);
  errno = before;
  if (!known) return kOther;
  return S_ISREG(status.st_mode) ? kFile : S_ISSOCK(status.st_mode) ? kSocket : kOther;
}

/* How many of the bytes may move; -1: none, errno says why. */
static ssize_t allowed(int fd, size_t length, int must_be_whole)
{
  if (!control || !atomic_load(&control->ragged) || length == 0) return (ssize_t)length;
  const enum Kind kind = kind_of(fd);
  if (kind == kOther) return (ssize_t)length;
  const int64_t turn = atomic_fetch_add(&control->cut, 1);
  switch (turn % 5) {
  case 0: errno = EINTR; return -1;
  case 1:
    if (kind == kFile) break;
    errno = EAGAIN;
    return -1;
  case 2: return (ssize_t)length;
  default: break;
  }
  if (must_be_whole) return (ssize_t)length;
  if (kind == kFile && length > kBlock) return (ssize_t)((length / 2 + kBlock - 1) / kBlock * kBlock);
  if (kind == kFile && (fcntl(fd, F_GETFL) & O_DIRECT)) return (ssize_t)length;
  return turn % 5 == 3 || length < 4 ? 1 : (ssize_t)(length / 2);
}

#define RAGGED(fd, length)                                                     \
  const ssize_t part = allowed(fd, length, 0);                                 \
  if (part < 0) return -1

ssize_t write(int fd, const void *bytes, size_t length)
{
  REAL(ssize_t, write, int, const void *, size_t);
  RAGGED(fd, length);
  return real(fd, bytes, (size_t)part);
}

ssize_t read(int fd, void *bytes, size_t length)
{
  REAL(ssize_t, read, int, void *, size_t);
  RAGGED(fd, length);
  return real(fd, bytes, (size_t)part);
}

static void be_slow(void)
{
  const int64_t ms = control ? atomic_load(&control->slow) : 0;
  if (ms <= 0) return;
  atomic_fetch_add(&control->slowed, 1);
  usleep((useconds_t)ms * 1000);
}

static int is_synced(int fd) { return control && atomic_load(&control->slow) > 0 && (fcntl(fd, F_GETFL) & O_DSYNC); }

#define DEFINE_AT(name, pointer)                                               \
  ssize_t name(int fd, pointer bytes, size_t length, off_t offset)             \
  {                                                                            \
    REAL(ssize_t, name, int, pointer, size_t, off_t);                          \
    if (is_synced(fd)) be_slow();                                              \
    RAGGED(fd, length);                                                        \
    return real(fd, bytes, (size_t)part, offset);                              \
  }
DEFINE_AT(pwrite, const void *)
DEFINE_AT(pwrite64, const void *)
DEFINE_AT(pread, void *)
DEFINE_AT(pread64, void *)

ssize_t writev(int fd, const struct iovec *parts, int count)
{
  REAL(ssize_t, writev, int, const struct iovec *, int);
  if (count < 1) return real(fd, parts, count);
  const ssize_t part = allowed(fd, parts[0].iov_len, 0);
  if (part < 0) return -1;
  if ((size_t)part == parts[0].iov_len) return real(fd, parts, count);
  const struct iovec first = {parts[0].iov_base, (size_t)part};
  return real(fd, &first, 1);
}

ssize_t recv(int fd, void *bytes, size_t length, int flags)
{
  REAL(ssize_t, recv, int, void *, size_t, int);
  RAGGED(fd, length);
  return real(fd, bytes, (size_t)part, flags);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
  REAL(ssize_t, send, int, const void *, size_t, int);
  RAGGED(fd, length);
  return real(fd, bytes, (size_t)part, flags);
}

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
  REAL(int, accept4, int, struct sockaddr *, socklen_t *, int);
  if (allowed(fd, 1, 1) < 0) return -1;
  return real(fd, address, length, flags);
}

#define DEFINE_SYNC(name)                                                      \
  int name(int fd)                                                             \
  {                                                                            \
    REAL(int, name, int);                                                      \
    be_slow();                                                                 \
    return real(fd);                                                           \
  }
DEFINE_SYNC(fdatasync)
DEFINE_SYNC(fsync)
DEFINE_SYNC(syncfs)

/* ---- hanging */

static void hang(void)
{
  if (!control || !atomic_load(&control->hanging)) return;
  const int before = errno;
  atomic_fetch_add(&control->held, 1);
  while (atomic_load(&control->hanging)) usleep(2000);
  atomic_fetch_sub(&control->held, 1);
  errno = before;
}

int rename(const char *from, const char *to)
{
  REAL(int, rename, const char *, const char *);
  hang();
  return real(from, to);
}

int renameat(int a, const char *from, int b, const char *to)
{
  REAL(int, renameat, int, const char *, int, const char *);
  hang();
  return real(a, from, b, to);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
  REAL(int, renameat2, int, const char *, int, const char *, unsigned);
  hang();
  return real(a, from, b, to, flags);
}

int link(const char *from, const char *to)
{
  REAL(int, link, const char *, const char *);
  hang();
  return real(from, to);
}

int linkat(int a, const char *from, int b, const char *to, int flags)
{
  REAL(int, linkat, int, const char *, int, const char *, int);
  hang();
  return real(a, from, b, to, flags);
}

/* ---- clock */

static int64_t shift(void) { return control ? atomic_load(&control->clock) : 0; }

int clock_gettime(clockid_t which, struct timespec *now)
{
  const int done = (int)syscall(SYS_clock_gettime, which, now);
  if (!done && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
  return done;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
  const int done = (int)syscall(SYS_gettimeofday, now, zone);
  if (!done) now->tv_sec += shift();
  return done;
}

time_t time(time_t *into)
{
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (into) *into = now.tv_sec;
  return now.tv_sec;
}

#ifdef TROUBLE_MEMORY
/* ---- memory: a library of its own, because a sanitizer's allocator must stand alone */

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static int refuses(void)
{
  if (!control || atomic_load(&control->memory) <= 0) return 0;
  if (atomic_fetch_sub(&control->memory, 1) != 1) return 0;
  atomic_fetch_add(&control->refused, 1);
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t size) { return refuses() ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return refuses() ? NULL : __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { return refuses() ? NULL : __libc_realloc(old, size); }
void *memalign(size_t alignment, size_t size) { return refuses() ? NULL : __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { return refuses() ? NULL : __libc_memalign(alignment, size); }
int posix_memalign(void **into, size_t alignment, size_t size)
{
  if (refuses()) return ENOMEM;
  *into = __libc_memalign(alignment, size);
  return *into ? 0 : ENOMEM;
}
#endif
