/* A disk whose power can be cut at any moment of its past. tests/fault lays a loop device and a file system upon it.
 *
 *   cut_disk IMAGE LOG CLOCK MOUNT_POINT
 *
 * Mounts a file system of one file, `disk`: the bytes of IMAGE. Each write and each flush (what the loop device makes of
 * a barrier, an fsync, an O_DSYNC write) is appended to LOG, in the order in which the disk was asked, before it is
 * answered. So LOG is the whole past of the disk: what stood before the last flush is safe, what came after it may be
 * lost, torn or reordered, and cut_image.py makes any of these pasts.
 *
 * CLOCK is a file of 8 bytes that the clients map: the number of records in LOG. Who reads it after an answer knows that
 * every flush the answer waited for is among the first so many records; that is how an acknowledgement and a power cut
 * are put in order without a word between the client and the disk.
 *
 * Record of LOG, little-endian: u64 offset, u32 length, u32 kind (1 write, 2 flush), then `length` bytes. */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kWrite = 1, kFlush = 2 };

struct Record {
  uint64_t offset;
  uint32_t length;
  uint32_t kind;
};

static const char kName[] = "/disk";
static int image = -1, past = -1;
static off_t image_size;
static _Atomic uint64_t *ticks;

/* libfuse calls one operation at a time (-s): nothing here needs a lock. */
static int append(uint32_t kind, uint64_t offset, const char *bytes, uint32_t length)
{
  struct Record head = {offset, length, kind};
  struct iovec parts[2] = {{&head, sizeof head}, {(void *)(uintptr_t)bytes, length}};
  const ssize_t whole = (ssize_t)(sizeof head + length);
  if (writev(past, parts, length ? 2 : 1) != whole) {
    fprintf(stderr, "cut_disk: the log cannot be written: %s\n", strerror(errno));
    return -EIO;
  }
  return 0;
}

static int disk_getattr(const char *path, struct stat *status, struct fuse_file_info *info)
{
  (void)info;
  memset(status, 0, sizeof *status);
  if (!strcmp(path, "/")) {
    status->st_mode = S_IFDIR | 0700;
    status->st_nlink = 2;
    return 0;
  }
  if (strcmp(path, kName) != 0) return -ENOENT;
  status->st_mode = S_IFREG | 0600;
  status->st_nlink = 1;
  status->st_size = image_size;
  status->st_blocks = image_size / 512;
  return 0;
}

static int disk_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *info,
                        enum fuse_readdir_flags flags)
{
  (void)path, (void)offset, (void)info, (void)flags;
  fill(buffer, kName + 1, NULL, 0, 0);
  return 0;
}

static int disk_open(const char *path, struct fuse_file_info *info)
{
  if (strcmp(path, kName) != 0) return -ENOENT;
  info->direct_io = 1; /* the page cache above must not swallow or join writes */
  return 0;
}

static int disk_read(const char *path, char *bytes, size_t length, off_t offset, struct fuse_file_info *info)
{
  (void)path, (void)info;
  const ssize_t done = pread(image, bytes, length, offset);
  return done < 0 ? -errno : (int)done;
}

static int disk_write(const char *path, const char *bytes, size_t length, off_t offset, struct fuse_file_info *info)
{
  (void)path, (void)info;
  if (offset < 0 || offset > image_size || (off_t)length > image_size - offset) return -ENOSPC;
  const int logged = append(kWrite, (uint64_t)offset, bytes, (uint32_t)length);
  if (logged < 0) return logged;
  for (size_t at = 0; at < length;) {
    const ssize_t done = pwrite(image, bytes + at, length - at, offset + (off_t)at);
    if (done < 0 && errno != EINTR) return -errno;
    if (done > 0) at += (size_t)done;
  }
  atomic_fetch_add(ticks, 1);
  return (int)length;
}

static int disk_fsync(const char *path, int data_only, struct fuse_file_info *info)
{
  (void)path, (void)data_only, (void)info;
  const int logged = append(kFlush, 0, NULL, 0);
  if (logged == 0) atomic_fetch_add(ticks, 1);
  return logged;
}

/* Discards and zeroing by range are refused, so that the file system above writes what it means. */
static int disk_fallocate(const char *path, int mode, off_t offset, off_t length, struct fuse_file_info *info)
{
  (void)path, (void)mode, (void)offset, (void)length, (void)info;
  return -EOPNOTSUPP;
}

static int disk_truncate(const char *path, off_t length, struct fuse_file_info *info)
{
  (void)path, (void)info;
  return length == image_size ? 0 : -EPERM;
}

static int map_clock(const char *path)
{
  const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || ftruncate(fd, 4096) < 0) return -1;
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (page == MAP_FAILED) return -1;
  ticks = page;
  return 0;
}

int main(int argc, char **argv)
{
  if (argc != 5) {
    fprintf(stderr, "usage: cut_disk IMAGE LOG CLOCK MOUNT_POINT\n");
    return 2;
  }
  struct stat status;
  image = open(argv[1], O_RDWR | O_CLOEXEC);
  past = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (image < 0 || past < 0 || fstat(image, &status) < 0 || map_clock(argv[3]) < 0) {
    perror("cut_disk");
    return 1;
  }
  image_size = status.st_size;
  prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0); /* the kernel must not wait for us to make room for our own writes */
  static const struct fuse_operations operations = {
      .getattr = disk_getattr, .readdir = disk_readdir, .open = disk_open, .read = disk_read, .write = disk_write,
      .fsync = disk_fsync, .fallocate = disk_fallocate, .truncate = disk_truncate};
  char *arguments[] = {argv[0], (char[]){"-s"}, (char[]){"-f"}, argv[4], NULL};
  return fuse_main(4, arguments, &operations, NULL);
}
